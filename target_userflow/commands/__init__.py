"""The commands beside a run: they look at dead letters and the ledger, and replay."""
