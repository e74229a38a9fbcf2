"""The scripts that draw the logs of one PERSONA task, each log by itself."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.viz.critique_logs import (
    CritiqueLog,
    find_critique_logs,
    losses,
    read_critique_log,
)
from pluralens.viz.output import checked_formats
from pluralens.viz.script import Chart, Made, draw_each, make_all, run_script, script_parser

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Charts", "draw_task_logs"]

Charts = tuple[list[Chart], "dict[str, pd.DataFrame]"]
"""Figures whose numbers are made, and tables that have no figure."""
Numbers = Callable[[CritiqueLog], Charts]


def draw_task_logs(
    script: str,
    description: str,
    task: str,
    out: str,
    charts: Numbers,
    arguments: Sequence[str] | None,
) -> int:
    """Read the logs of a command line and draw each; returns the exit code.

    Args:
        script: Path of the script in the repository.
        description: What it does.
        task: Of which logs, without the package.
        out: Default folder for the files.
        charts: Makes the numbers of a log, and knows how to draw them.
        arguments: Of the command line; None for the program's own.
    """
    parser = script_parser(script, description, out)
    parser.add_argument("--score", help="score of logs scored more than once; default the first")
    options = parser.parse_args(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        places = find_critique_logs(options.log, task)
        logs = [read_critique_log(place, task, score=options.score) for place in places]
        # A log whose numbers cannot be made is refused before anything is drawn.
        prepared = {log.path: charts(log) for log in logs}

        def make(log: CritiqueLog) -> Made:
            figures, alone = prepared[log.path]
            pictures, tables = make_all(figures, formats, options.theme, f"drawing {log.title}")
            return pictures, tables | alone

        draw_each(logs, Path(options.out), losses, make)

    return run_script(script, work)
