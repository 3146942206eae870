"""The gateway service: one door, one feed."""
