"""The files that a run writes beside its log: the report page and the metrics."""
