"""Figures and tables of the persona Likert task, from its logs.

python viz/likert.py                         # the newest log in logs/
python viz/likert.py --log logs/x.eval --out out/ --format png,svg --theme dark
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError
from pluralens.viz.logs import LikertLog, find_logs, read_likert_log
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

__all__ = ["draw", "main"]

Chart = tuple[
    str, Callable[[LikertLog], "pd.DataFrame"], Callable[["pd.DataFrame", LikertLog], "Figure"]
]


def _charts(log: LikertLog) -> list[Chart]:
    """Name, table and figure of everything that can be drawn from a log."""
    from pluralens.viz.likert_figures import (
        contrasts,
        counterfactuals,
        distribution,
        group_means,
        order,
        truth,
    )

    title = f"{log.title}, {log.size}"
    charts: list[Chart] = [
        ("rating_distribution", distribution.table, lambda t, _: distribution.figure(t, title)),
        ("group_means", group_means.table, lambda t, _: group_means.figure(t, title)),
        ("contrasts", contrasts.table, lambda t, _: contrasts.figure(t, title)),
    ]
    if counterfactuals.has_pairs(log):
        charts.append(
            (
                "counterfactual_effects",
                counterfactuals.table,
                lambda t, _: counterfactuals.figure(t, title),
            )
        )
    if order.has_both(log):
        charts.append(("order_effects", order.table, lambda t, g: order.figure(t, g.items, title)))
    if counterfactuals.has_pairs(log) and truth.has_truth(log):
        charts.append(("planted_and_recovered", truth.table, lambda t, _: truth.figure(t, title)))
    return charts


def _tables(log: LikertLog) -> "list[tuple[str, pd.DataFrame]]":
    """Tables without a figure: coverage and the single pairs."""
    from pluralens.stats.coverage import coverage
    from pluralens.stats.likert_frame import outcomes
    from pluralens.stats.pair_differences import pair_differences
    from pluralens.viz.likert_figures import counterfactuals

    runs = log.runs
    if counterfactuals.has_pairs(log):
        changed = runs["attribute"] + ": " + runs["from_group"] + " -> " + runs["to_group"]
        runs = runs.assign(changed=changed.where(runs["role"] == "counterfactual"))
    extra = [c for c in ("role", "changed") if c in runs]
    tables = [("coverage", coverage(runs, [*extra, *log.axes]))]
    if counterfactuals.has_pairs(log):
        tables.append(("pairs", pair_differences(log.frame, outcomes(log.frame))))
    return tables


def draw(log: LikertLog, out: Path, formats: Sequence[str], theme: str = "light") -> list[Path]:
    """Write every figure with its CSV, and the tables that have no figure.

    Args:
        log: A read log.
        out: Folder for the files.
        formats: Of `FORMATS`.
        theme: `light` or `dark`.

    Returns:
        The written files.
    """
    made: list[tuple[str, pd.DataFrame, dict[str, bytes]]] = [
        (name, table, {}) for name, table in _tables(log)
    ]
    for name, make_table, make_figure in steps(_charts(log), f"drawing {log.title}"):
        table = make_table(log)
        with themed(theme):
            made.append((name, table, rendered(make_figure(table, log), formats)))
    # Nothing is written before all is made: a chart that fails leaves no half of a set behind.
    written = []
    for name, table, pictures in made:
        written += [write_file(out / f"{name}.{kind}", data) for kind, data in pictures.items()]
        written.append(write_table(table, out, name))
    return written


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="viz/likert.py", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--log", action="append", default=[], help="log file or folder (repeatable)"
    )
    parser.add_argument("--out", default="out/likert", help="folder for figures and tables")
    parser.add_argument("--format", default="png,svg", help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--theme", default="light", help=f"of {', '.join(THEMES)}")
    return parser.parse_args(arguments)


def _losses(log: LikertLog) -> str:
    """What of the log is in no table, in words; empty if nothing is lost."""
    lost = f"; {log.unscored} samples without a score" if log.unscored else ""
    return lost + (f"; {log.without_base} twins left out, no base" if log.without_base else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    options = _arguments(arguments)
    try:
        formats = checked_formats(options.format, options.theme)
        places = find_logs(options.log, "likert")
        # All logs are read before anything is written, so a bad one leaves nothing half-done.
        logs = [read_likert_log(place) for place in places]
        for log in logs:
            out = Path(options.out)
            if len(logs) > 1:
                out = out / f"{safe_name(log.model)}-{log.run[:8]}"
            print(f"{log.path}: {log.title}, {log.size}{_losses(log)}")
            for path in draw(log, out, formats, options.theme):
                print(f"  wrote {path}")
    except InputError as error:
        print(f"viz/likert.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
