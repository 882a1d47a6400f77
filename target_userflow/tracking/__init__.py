"""The records of one stream on their way: which need a request, and what became of each."""
