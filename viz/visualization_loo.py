"""What each attribute of a persona is worth: figure and table of pluralens/persona_loo.

python viz/visualization_loo.py                       # the newest log in logs/
python viz/visualization_loo.py --log logs/x.eval --out out/ --format png,svg --theme dark
"""

import sys
from collections.abc import Sequence

from pluralens.viz.critique_figures.script import Charts, draw_task_logs
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.script import Chart

__all__ = ["charts", "main"]

SCRIPT = "viz/visualization_loo.py"


def charts(log: CritiqueLog) -> Charts:
    """The figure, and no other table.

    Args:
        log: A read log of `persona_loo`.

    Raises:
        InputError: The pairing of the log is broken; the message names the log.
    """
    from pluralens.viz.critique_figures import importance

    table = importance.table(log)
    chart = Chart(
        "importance",
        lambda: table,
        lambda numbers: importance.figure(numbers, log.heading),
    )
    return [chart], {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    return draw_task_logs(SCRIPT, __doc__, "persona_loo", "out/persona_loo", charts, arguments)


if __name__ == "__main__":
    sys.exit(main())
