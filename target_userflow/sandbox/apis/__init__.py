"""The APIs that the sandbox stands in for."""
