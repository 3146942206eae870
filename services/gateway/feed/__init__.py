"""The read side of the feed: pages, the live edge, event streams."""
