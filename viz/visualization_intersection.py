"""Whom answers suit, where attributes meet: figures and tables of pluralens/persona_intersections.

python viz/visualization_intersection.py                       # the newest log in logs/
python viz/visualization_intersection.py --log logs/x.eval --out out/ --format png,svg --theme dark
"""

import sys
from collections.abc import Sequence

from pluralens.viz.critique_figures.script import Charts, draw_task_logs
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.script import Chart

__all__ = ["charts", "main"]

SCRIPT = "viz/visualization_intersection.py"


def charts(log: CritiqueLog) -> Charts:
    """The figure, and the table `contrasts`: every two cells compared.

    Args:
        log: A read log of `persona_intersections`.

    Raises:
        InputError: The log does not say which cells there are.
    """
    from pluralens.viz.critique_figures import cells

    table, compared = cells.table(log), cells.contrasts(log)
    overlaps = cells.overlap_words(log)
    chart = Chart(
        "cells",
        lambda: table,
        lambda numbers: cells.figure(numbers, compared, log.heading, overlaps),
    )
    return [chart], {"contrasts": compared}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    return draw_task_logs(
        SCRIPT, __doc__, "persona_intersections", "out/persona_intersections", charts, arguments
    )


if __name__ == "__main__":
    sys.exit(main())
