"""Task functions, one file per benchmark family."""
