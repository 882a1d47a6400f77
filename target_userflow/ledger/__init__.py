"""The database of what was delivered."""
