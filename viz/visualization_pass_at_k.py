"""What several attempts are worth: figure and tables of pluralens/persona_pass_at_k.

python viz/visualization_pass_at_k.py                       # the newest log in logs/
python viz/visualization_pass_at_k.py --log logs/x.eval --out out/ --format png,svg --theme dark
"""

import sys
from collections.abc import Sequence

from pluralens.viz.critique_figures.script import Charts, draw_task_logs
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.script import Chart

__all__ = ["charts", "main"]

SCRIPT = "viz/visualization_pass_at_k.py"


def charts(log: CritiqueLog) -> Charts:
    """The figure, and the table `first_success`.

    Args:
        log: A read log of `persona_pass_at_k`.

    Raises:
        InputError: An attempt occurs twice in the log.
    """
    from pluralens.viz.critique_figures import attempts

    found = attempts.estimate(log)
    curve, waiting = attempts.table(log, found), attempts.first_success(log, found)
    chart = Chart(
        "pass_at_k",
        lambda: curve,
        lambda numbers: attempts.figure(numbers, waiting, log.heading),
    )
    return [chart], {"first_success": waiting}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    return draw_task_logs(
        SCRIPT, __doc__, "persona_pass_at_k", "out/persona_pass_at_k", charts, arguments
    )


if __name__ == "__main__":
    sys.exit(main())
