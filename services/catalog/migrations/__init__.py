"""Schema history of the catalog."""
