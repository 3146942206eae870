"""The adoption service."""
