"""Puts the parts of a run together, and hands each the others that it needs."""
