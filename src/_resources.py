"""Where the data files of the package are, in a checkout and in an installed wheel alike."""

from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["data_file"]


def data_file(*parts: str) -> Traversable:
    """Return the file or folder at `datasets/<parts>`; it need not exist."""
    return files("pluralens").joinpath("datasets", *parts)
