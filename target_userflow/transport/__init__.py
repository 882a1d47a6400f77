"""One request to one API: connection, retries and the rate limit."""
