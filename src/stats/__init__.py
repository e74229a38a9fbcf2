"""Every estimator, once: pure functions on numpy and pandas."""
