"""The products: what of a record is sent to each, and what an answer means. Pure."""
