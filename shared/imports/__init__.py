"""Imports of real files: checked whole, applied row by row, every row accounted for."""
