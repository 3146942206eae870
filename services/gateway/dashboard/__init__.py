"""Pages for people: rendered here, live by a small script, whole without it."""
