"""Figures and tables of a set of personas: who is in it, and how that compares.

python viz/personas.py                       # the newest log in logs/ that holds personas
python viz/personas.py --log logs/x.eval --out out/personas --format png,svg --theme dark
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.viz.output import checked_formats, write_all
from pluralens.viz.script import Chart, Made, draw_each, make_all, run_script, script_parser

if TYPE_CHECKING:
    from pluralens.personas.persona import Personas
    from pluralens.viz.persona_figures.ages import Ages
    from pluralens.viz.persona_figures.attributes import Merged

__all__ = ["draw_personas", "main"]

SCRIPT = "viz/personas.py"


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
    made = _made(
        personas,
        formats,
        theme,
        title=title,
        axes=axes,
        merged=merged,
        at_random=at_random,
        ages=ages,
    )
    return write_all(*made, out)


def _made(
    personas: "Personas",
    formats: Sequence[str],
    theme: str,
    *,
    title: str,
    axes: Sequence[str],
    merged: "Mapping[str, Merged] | None",
    at_random: bool | None,
    ages: "Ages | None",
) -> Made:
    if not len(personas):
        raise InputError(f"{title}: holds no personas, so there is nothing to draw; give another")
    for axis in axes:
        personas.population.variable(axis)
    at_random = not axes if at_random is None else at_random
    charts = _charts(personas, title, axes, merged or {}, at_random, ages)
    return make_all(charts, formats, theme, f"drawing {title}")


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
    charts = [
        Chart(
            "marginals",
            lambda: marginals.table(personas, covered, axes, merged, at_random=at_random),
            lambda table: marginals.figure(table, title, shown(people, axes), about),
        )
    ]
    if len({people.source_of(name) for name in grouped(people, axes)}) > 1:
        charts.append(
            Chart(
                "association",
                lambda: association.table(personas, covered, axes, merged),
                lambda table: association.figure(table, title, about),
            )
        )
    if age_pyramid.has_ages(people):
        charts.append(
            Chart(
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the personas of logs; returns the exit code: 0, or 2 for wrong input."""
    from pluralens.viz.persona_logs import find_persona_logs, read_persona_log

    parser = script_parser(SCRIPT, __doc__.split("\n")[0], "out/personas")
    parser.add_argument("--population", help="id or folder, if the log's own is not found")
    options = parser.parse_args(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        logs = [
            read_persona_log(place, options.population) for place in find_persona_logs(options.log)
        ]
        draw_each(
            logs,
            Path(options.out),
            lambda log: f"{log.path}: {log.title}, {len(log.personas):,} personas",
            lambda log: _made(
                log.personas,
                formats,
                options.theme,
                title=log.title,
                axes=log.design.axes,
                merged=log.design.merged,
                at_random=log.design.at_random,
                ages=log.design.ages,
            ),
        )

    return run_script(SCRIPT, work)


if __name__ == "__main__":
    sys.exit(main())
