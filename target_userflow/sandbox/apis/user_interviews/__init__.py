"""The User Interviews API."""
