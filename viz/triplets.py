"""Figures and tables of the triplets task, from the logs of one model or many.

python viz/triplets.py                       # the newest run in logs/: one log per model
python viz/triplets.py --log logs/roster     # all logs in a folder, of each model the newest
python viz/triplets.py --log a.eval --log b.eval --out out/ --format png,svg --theme dark

All logs are drawn together, so they must be of the same prompts and options, and graded alike.
`summary.csv` has one row per model. A log that was scored again holds several stance scores: see
--score.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.stats.equivalence import DEFAULT_MARGIN
from pluralens.stats.triplet_frame import DEFAULT_THRESHOLD, check_threshold
from pluralens.viz.output import checked_formats, rendered, safe_name, write_all
from pluralens.viz.progress import steps
from pluralens.viz.script import print_written, run_script, script_parser
from pluralens.viz.style import themed
from pluralens.viz.triplet_figures.words import DEFAULT_BOUNDS, Bounds, titled
from pluralens.viz.triplet_logs import TripletLog, find_triplet_logs, read_triplet_logs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw", "main"]

SCRIPT = "viz/triplets.py"
FIGURES = ("gap", "slope", "distribution", "factors")


def _factor_figures(
    table: "pd.DataFrame", logs: Sequence[TripletLog], formats: Sequence[str]
) -> dict[str, dict[str, bytes]]:
    """A forest per model: side by side they would be too small to read."""
    from pluralens.viz.triplet_figures import factors

    pictures: dict[str, dict[str, bytes]] = {}
    for log in logs:
        name = "factors" if len(logs) == 1 else f"factors-{safe_name(log.label)}"
        if name in pictures:
            name = f"{name}-{log.run[:8]}"
        drawn = factors.figure(table[table["model"] == log.label], titled([log]))
        pictures[name] = rendered(drawn, formats)
    return pictures


def draw(
    logs: Sequence[TripletLog],
    out: Path,
    formats: Sequence[str],
    theme: str = "light",
    bounds: Bounds = DEFAULT_BOUNDS,
) -> list[Path]:
    """Write every figure with its CSV, and `summary.csv`.

    Args:
        logs: As `read_triplet_logs` gives them.
        out: Folder for the files.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.
        bounds: From where on an answer takes a side, and a gap counts.

    Returns:
        The written files.
    """
    from pluralens.viz.triplet_figures import distribution, factors, gap, slope, summary

    charts = {"gap": gap, "slope": slope, "distribution": distribution}
    tables = {"summary": summary.table(logs, bounds)}
    pictures: dict[str, dict[str, bytes]] = {}
    for name in steps(FIGURES, f"drawing {len(logs)} logs" if len(logs) > 1 else "drawing"):
        with themed(theme):
            if name == "factors":
                tables[name] = factors.table(logs)
                pictures |= _factor_figures(tables[name], logs, formats)
            else:
                tables[name] = charts[name].table(logs, bounds)
                drawn = charts[name].figure(tables[name], titled(logs))
                pictures[name] = rendered(drawn, formats)
    return write_all(pictures, tables, out)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = script_parser(
        SCRIPT,
        __doc__,
        "out/triplets",
        log="log file, or folder: of each model in it the newest log (repeatable); default the "
        "newest run in logs/",
    )
    parser.add_argument("--score", help="stance score of logs scored more than once; the first")
    parser.add_argument(
        "--threshold",
        type=float,
        default=DEFAULT_THRESHOLD,
        help="stance beyond which an answer takes a side; default %(default)s",
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=DEFAULT_MARGIN,
        help="gap below which it counts as none, stance points; default %(default)s",
    )
    return parser.parse_args(arguments)


def _bounds(threshold: float, margin: float) -> Bounds:
    check_threshold(threshold)
    # A gap lies between -2 and 2.
    if not 0 < margin < 2:
        raise InputError(
            f"margin: {margin:g} does not lie between 0 and 2; give stance points such as "
            f"{DEFAULT_MARGIN:g}"
        )
    return Bounds(threshold, margin)


def _about(log: TripletLog) -> str:
    """What was read from a log, and what of it has no stance, in one line."""
    counts = log.frame["outcome"].value_counts()
    lost = "".join(
        f"; {counts[outcome]:,} {outcome}" for outcome in counts.index if outcome != "stance"
    )
    if log.without_score:
        lost += f" ({log.without_score:,} of them samples without a score)"
    if log.grading.words:
        lost += f"; {log.grading.words}"
    if (log.frame["self_judged"] == 1).any():
        lost += "; the model judges itself"
    if len(log.scores) > 1:
        lost += f"; score {log.score} of {', '.join(log.scores)} (choose with --score)"
    return f"{log.path}: {log.label}, {log.size}{lost}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    options = _arguments(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        bounds = _bounds(options.threshold, options.margin)
        logs = read_triplet_logs(find_triplet_logs(options.log), options.score)
        for log in logs:
            print(_about(log))
        print_written(draw(logs, Path(options.out), formats, options.theme, bounds))

    return run_script(SCRIPT, work)


if __name__ == "__main__":
    sys.exit(main())
