"""A dry run: everything but the writes."""
