"""Userflow: users, groups, memberships and events."""
