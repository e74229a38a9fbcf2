"""One module per mechanistic analysis: numbers of `interp`, estimates of `stats`, one sample."""
