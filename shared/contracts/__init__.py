"""The published language: event envelopes and the facts inside them."""
