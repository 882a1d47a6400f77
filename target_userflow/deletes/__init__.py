"""What is deleted, by a deletion mark or by a new version of a table."""
