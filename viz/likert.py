"""Figures and tables of the persona Likert task, from its logs.

python viz/likert.py                         # the newest log in logs/
python viz/likert.py --log logs/x.eval --out out/ --format png,svg --theme dark
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.viz.logs import LikertLog, find_logs, read_likert_log
from pluralens.viz.output import checked_formats, write_all
from pluralens.viz.script import Chart, Made, draw_each, make_all, run_script, script_parser

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw", "main"]

SCRIPT = "viz/likert.py"


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
    charts = [
        Chart(
            "rating_distribution",
            lambda: distribution.table(log),
            lambda table: distribution.figure(table, title),
        ),
        Chart(
            "group_means",
            lambda: group_means.table(log),
            lambda table: group_means.figure(table, title),
        ),
        Chart(
            "contrasts",
            lambda: contrasts.table(log),
            lambda table: contrasts.figure(table, title),
        ),
    ]
    if counterfactuals.has_pairs(log):
        charts.append(
            Chart(
                "counterfactual_effects",
                lambda: counterfactuals.table(log),
                lambda table: counterfactuals.figure(table, title),
            )
        )
    if order.has_both(log):
        charts.append(
            Chart(
                "order_effects",
                lambda: order.table(log),
                lambda table: order.figure(table, log.items, title),
            )
        )
    if counterfactuals.has_pairs(log) and truth.has_truth(log):
        charts.append(
            Chart(
                "planted_and_recovered",
                lambda: truth.table(log),
                lambda table: truth.figure(table, title),
            )
        )
    return charts


def _tables(log: LikertLog) -> "dict[str, pd.DataFrame]":
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
    tables = {"coverage": coverage(runs, [*extra, *log.axes])}
    if counterfactuals.has_pairs(log):
        tables["pairs"] = pair_differences(log.frame, outcomes(log.frame))
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
    return write_all(*_made(log, formats, theme), out)


def _made(log: LikertLog, formats: Sequence[str], theme: str) -> Made:
    pictures, tables = make_all(_charts(log), formats, theme, f"drawing {log.title}")
    return pictures, _tables(log) | tables


def _losses(log: LikertLog) -> str:
    """What of the log is in no table, in words; empty if nothing is lost."""
    lost = f"; {log.unscored} samples without a score" if log.unscored else ""
    return lost + (f"; {log.without_base} twins left out, no base" if log.without_base else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw logs; returns the exit code: 0, or 2 for input that a person can put right."""
    options = script_parser(SCRIPT, __doc__.split("\n")[0], "out/likert").parse_args(arguments)

    def work() -> None:
        formats = checked_formats(options.format, options.theme)
        logs = [read_likert_log(place) for place in find_logs(options.log, "likert")]
        draw_each(
            logs,
            Path(options.out),
            lambda log: f"{log.path}: {log.title}, {log.size}{_losses(log)}",
            lambda log: _made(log, formats, options.theme),
        )

    return run_script(SCRIPT, work)


if __name__ == "__main__":
    sys.exit(main())
