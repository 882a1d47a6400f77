"""The Userpilot API."""
