"""When a request may leave: the rate limit, learned or set, and the share of it that a run has."""
