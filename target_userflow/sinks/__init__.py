"""The streams of a run: each record becomes a pending record or a dead letter."""
