"""Rules of adoption: pure values and transitions."""
