"""Contested questions, whom they are put to, and which pairs of the two a study asks."""
