"""Schema versions of the gateway."""
