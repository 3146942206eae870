"""The event bus: one port, two adapters."""
