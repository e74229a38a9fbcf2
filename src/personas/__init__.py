"""Synthetic residents: population tables, sampler, pairs, descriptions."""
