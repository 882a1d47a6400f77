"""Rejected records: the files that keep them, as Singer messages that can be replayed."""
