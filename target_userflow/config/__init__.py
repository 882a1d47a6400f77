"""The settings: their schema, what is wrong with them, and which object a stream goes to."""
