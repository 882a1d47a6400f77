"""Compares records with what Userflow has of them, a hundred objects a request."""
