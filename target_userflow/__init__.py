"""Singer target for Userflow."""
