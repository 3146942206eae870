"""Bus in: the feed's writer."""
