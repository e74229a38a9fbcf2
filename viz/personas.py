"""Figures and tables of a set of personas: who is in it, and how that compares.

python viz/personas.py                       # the newest log in logs/ that holds personas
python viz/personas.py --log logs/x.eval --out out/personas --format png,svg --theme dark
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.viz.output import (
    FORMATS,
    checked_formats,
    rendered,
    safe_name,
    write_file,
    write_table,
)
from pluralens.viz.progress import steps
from pluralens.viz.style import THEMES, themed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from pluralens.personas.persona import Personas
    from pluralens.viz.persona_figures.ages import Ages
    from pluralens.viz.persona_figures.attributes import Merged

__all__ = ["draw_personas", "main"]

Chart = tuple[str, Callable[[], "pd.DataFrame"], Callable[["pd.DataFrame"], "Figure"]]


def draw_personas(
    personas: "Personas",
    out: Path,
    formats: Sequence[str],
    theme: str = "light",
    *,
    title: str,
    axes: Sequence[str] = (),
    merged: "Mapping[str, Merged] | None" = None,
    at_random: bool | None = None,
    ages: "Ages | None" = None,
) -> list[Path]:
    """Write age pyramid, marginals and associations of a set, each with its CSV.

    Args:
        personas: The set, base personas only.
        out: Folder for the files.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.
        title: What set it is, for the figures.
        axes: Attributes that it was balanced on, if it was.
        merged: Axis -> group -> the values that were merged into it, as in a balance report.
        at_random: Whether the personas were drawn at random, so that intervals mean something;
            default: if there are no axes.
        ages: Youngest and oldest age that could be drawn, for the official shares; default from
            the youngest to the oldest persona.

    Returns:
        The written files.

    Raises:
        InputError: The set is empty, an axis is unknown, `ages` leaves personas out, or a file
            cannot be written.
    """
    if not len(personas):
        raise InputError(f"{title}: holds no personas, so there is nothing to draw; give another")
    for axis in axes:
        personas.population.variable(axis)
    at_random = not axes if at_random is None else at_random
    charts = _charts(personas, title, axes, merged or {}, at_random, ages)
    made: list[tuple[str, pd.DataFrame, dict[str, bytes]]] = []
    for name, make_table, make_figure in steps(charts, f"drawing {title}"):
        table = make_table()
        with themed(theme):
            made.append((name, table, rendered(make_figure(table), formats)))
    # Nothing is written before all is made: a chart that fails leaves no half of a set behind.
    written = []
    for name, table, pictures in made:
        written += [write_file(out / f"{name}.{kind}", data) for kind, data in pictures.items()]
        written.append(write_table(table, out, name))
    return written


def _charts(
    personas: "Personas",
    title: str,
    axes: Sequence[str],
    merged: "Mapping[str, Merged]",
    at_random: bool,
    ages: "Ages | None",
) -> list[Chart]:
    """Name, table and figure of everything that the population has the attributes for."""
    from pluralens.viz.persona_figures import age_pyramid, association, marginals
    from pluralens.viz.persona_figures.ages import ages_of, ages_words
    from pluralens.viz.persona_figures.attributes import grouped, shown

    people = personas.population
    covered = _covering(ages or ages_of(personas), ages_of(personas), title)
    about = ages_words(people, covered)
    title = f"{title}, n = {len(personas):,}"
    charts: list[Chart] = [
        (
            "marginals",
            lambda: marginals.table(personas, covered, axes, merged, at_random=at_random),
            lambda table: marginals.figure(table, title, shown(people, axes), about),
        )
    ]
    if len({people.source_of(name) for name in grouped(people, axes)}) > 1:
        charts.append(
            (
                "association",
                lambda: association.table(personas, covered, axes, merged),
                lambda table: association.figure(table, title, about),
            )
        )
    if age_pyramid.has_ages(people):
        charts.append(
            (
                "age_pyramid",
                lambda: age_pyramid.table(personas, covered),
                lambda table: age_pyramid.figure(table, title),
            )
        )
    return charts


def _covering(ages: "Ages", own: "Ages", title: str) -> "Ages":
    if own[0] < ages[0] or own[1] > ages[1]:
        raise InputError(
            f"{title}: ages={ages[0]}-{ages[1]} leaves out personas, who are {own[0]} to {own[1]} "
            "years old; give the range that they were drawn from, or leave it out"
        )
    return ages


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="viz/personas.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--log", action="append", default=[], help="log file or folder (repeatable)"
    )
    parser.add_argument("--out", default="out/personas", help="folder for figures and tables")
    parser.add_argument("--format", default="png,svg", help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--theme", default="light", help=f"of {', '.join(THEMES)}")
    parser.add_argument("--population", help="id or folder, if the log's own is not found")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the personas of logs; returns the exit code: 0, or 2 for wrong input."""
    from pluralens.viz.persona_logs import find_persona_logs, read_persona_log

    options = _arguments(arguments)
    try:
        formats = checked_formats(options.format, options.theme)
        places = find_persona_logs(options.log)
        # All logs are read before anything is written, so a bad one leaves nothing half-done.
        logs = [read_persona_log(place, options.population) for place in places]
        for log in logs:
            out = Path(options.out)
            if len(logs) > 1:
                out = out / f"{safe_name(log.model)}-{log.run[:8]}"
            print(f"{log.path}: {log.title}, {len(log.personas):,} personas")
            for path in draw_personas(
                log.personas,
                out,
                formats,
                options.theme,
                title=log.title,
                axes=log.design.axes,
                merged=log.design.merged,
                at_random=log.design.at_random,
                ages=log.design.ages,
            ):
                print(f"  wrote {path}")
    except InputError as error:
        print(f"viz/personas.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
