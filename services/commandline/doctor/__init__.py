"""`qsmo doctor`: looks at an installation of either shape as a whole, and says of each finding what to do."""
