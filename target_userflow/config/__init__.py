"""The settings: their schema, their problems, and the object type of each stream."""
