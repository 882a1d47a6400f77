"""Records on their way: one outcome each, and which STATE may be written."""
