"""The ledger: a database of what was delivered."""
