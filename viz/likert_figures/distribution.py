"""Rating distribution: how often each number was written, in either order of the scale."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pluralens.stats.likert_frame import rating_frame
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import COLOURS, footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

ORDERS = {"raw": "normal order", "raw_reversed": "reversed order"}


def table(log: LikertLog) -> pd.DataFrame:
    """Share of each written number per order.

    Returns:
        Columns order, number, count, share (of the order's ratings), n (its ratings). Expected
        ratings are counted at the nearest whole number.
    """
    ratings = rating_frame(log.runs, log.items)
    rows = []
    for column, order in ORDERS.items():
        written = np.rint(ratings[column].dropna().to_numpy(float))
        for number in range(1, 6):
            count = int((written == number).sum())
            share = count / len(written) if len(written) else float("nan")
            rows.append((order, number, count, share, len(written)))
    return pd.DataFrame(rows, columns=["order", "number", "count", "share", "n"])


def figure(shares: pd.DataFrame, title: str) -> "Figure":
    """Two bars per number, one for each order of the scale."""
    import matplotlib.pyplot as plt

    drawn, axes = plt.subplots(figsize=(6.4, 3.6))
    asked = [order for order in ORDERS.values() if shares.loc[shares.order == order, "n"].any()]
    width = 0.8 / max(1, len(asked))
    for index, order in enumerate(asked):
        part = shares[shares["order"] == order]
        centres = part["number"] + (index - (len(asked) - 1) / 2) * width
        bars = axes.bar(
            centres,
            100 * part["share"],
            width=width * 0.94,
            color=COLOURS[index],
            label=f"{order} (n={int(part['n'].iloc[0]):,})",
        )
        axes.bar_label(bars, fmt="%.0f", fontsize=8, padding=1)
    axes.set_xticks(range(1, 6))
    axes.set_xlabel("number written, 1 to 5, as it stood in the prompt")
    axes.set_ylabel("share of ratings (%)")
    axes.set_title(f"Ratings as written\n{title}")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    footnote(
        drawn.axes[0],
        "In reversed order 1 means 'very': a consistent respondent mirrors its numbers, "
        "so the two colours should be mirror images of each other.",
    )
    return drawn
