"""Tells other systems of events by HTTP, as Standard Webhooks has it."""
