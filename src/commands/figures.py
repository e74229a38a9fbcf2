"""Figures that commands draw, with what the store knows about a selection."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.selection import Selection
    from pluralens.personas.store import SelectionInfo

__all__ = ["check_options", "draw_selection"]


def check_options(out: Path, formats: str, theme: str) -> list[str]:
    """The formats of `png,svg`.

    Raises:
        InputError: A format or the theme is unknown, or `out` is a file.
    """
    from pluralens.viz.output import checked_formats

    kinds = checked_formats(formats, theme)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: this is a file; name a folder")
    return kinds


def draw_selection(
    selection: "Selection",
    lineage: Sequence["SelectionInfo"],
    out: Path,
    formats: Sequence[str],
    theme: str,
) -> list[Path]:
    """Draw who is in a selection; twins are left out.

    Args:
        selection: The selection.
        lineage: It, what it was made from, and so on.
        out: Folder for the files.
        formats: Of the figures.
        theme: Of the figures.

    Returns:
        The written files.

    Raises:
        InputError: A file cannot be written.
    """
    from pluralens.personas.lineage import Design
    from pluralens.viz.personas import draw_personas

    design = Design.of(lineage)
    return draw_personas(
        selection.personas,
        out,
        formats,
        theme,
        title=selection.name,
        axes=design.axes,
        merged=design.merged,
        at_random=design.at_random,
        ages=design.ages,
    )
