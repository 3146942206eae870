"""Rules of the catalog: pure values and transitions."""
