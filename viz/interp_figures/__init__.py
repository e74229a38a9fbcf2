"""Figures of the mechanistic analyses."""
