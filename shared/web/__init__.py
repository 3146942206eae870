"""HTTP conventions every service shares: problems, entity tags, idempotency, pages, limits."""
