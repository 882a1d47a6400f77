"""Singer messages in, STATE and dead letters out; all that is private to the SDK."""
