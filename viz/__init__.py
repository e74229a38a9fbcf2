"""Figures and tables, drawn from logs alone."""
