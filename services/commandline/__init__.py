"""What the `qsmo` commands do."""
