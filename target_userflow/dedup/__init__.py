"""What a stream remembers of its records in the ledger, so that nothing is sent twice."""
