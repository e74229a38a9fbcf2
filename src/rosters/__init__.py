"""Rosters: files that list models, and one run of a task over all of them."""
