"""The four services and the two shapes they run in."""
