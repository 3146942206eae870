"""Getting an installation back: copies of one moment, and what databases of different moments lack of one another."""
