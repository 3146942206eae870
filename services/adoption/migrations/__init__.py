"""Schema history of adoption."""
