"""The catalog's write side: one async function per use case, run in the edge's transaction."""
