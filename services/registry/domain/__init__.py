"""Rules of the registry: pure values and transitions."""
