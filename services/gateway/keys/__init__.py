"""Keys for systems: made and rotated over the API, kept as digests, exchanged at the door for a short-lived token."""
