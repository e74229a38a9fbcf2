"""Two-party conflicts, told from both sides and from nobody's, and the grids they make."""
