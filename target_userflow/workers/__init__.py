"""The threads of a product: those that send, and those that read."""
