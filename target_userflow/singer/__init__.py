"""Singer messages in, STATE out; all that is private to the SDK."""
