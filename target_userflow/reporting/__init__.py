"""What a run says of itself: progress, summary and report."""
