"""The order in which records are sent: which may be next, and which go together."""
