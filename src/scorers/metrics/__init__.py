"""What a whole log is worth."""
