"""The Userflow API."""
