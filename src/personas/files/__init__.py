"""Selections as files: CSV and Parquet, loss-free both ways."""

from pluralens.personas.files.exporting import export_selection
from pluralens.personas.files.importing import read_selection

__all__ = ["export_selection", "read_selection"]
