"""What becomes of every column, said before anything is written for good."""
