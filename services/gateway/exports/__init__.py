"""Exports: lists of the services, the feed and the audit trail as files."""
