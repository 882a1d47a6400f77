"""Pending records on their way: which are sent, in which order, and how each ended."""
