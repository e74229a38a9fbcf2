"""Order effects: does the answer change when the scale is shown upside down?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.likert_frame import base_personas, rating_frame
from pluralens.stats.order_effects import order_effects
from pluralens.viz.likert_figures.forest import ROW_HEIGHT
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import COLOURS, faint, footnote, zero_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "has_both", "table"]


def has_both(log: LikertLog) -> bool:
    """Whether any item was rated in both orders by the same persona."""
    ratings = rating_frame(base_personas(log.runs), log.items)
    return bool((ratings["raw"].notna() & ratings["raw_reversed"].notna()).any())


def table(log: LikertLog) -> pd.DataFrame:
    """Order effects over all dual answers, per dimension and per item; base personas only.

    Returns:
        The columns of `pluralens.stats.order_effects`; empty if one order only was asked.
    """
    return order_effects(rating_frame(base_personas(log.runs), log.items))


def _label(row: Mapping[Any, Any], items: Mapping[str, Mapping[str, Any]]) -> str:
    if row["scope"] == "item":
        return str(items[row["name"]]["adjective"])
    return str(row["name"]) if row["scope"] == "dimension" else "all items"


def figure(effects: pd.DataFrame, items: Mapping[str, Mapping[str, Any]], title: str) -> "Figure":
    """Left: mean order bias per item with its interval. Right: how often both answers agree."""
    import matplotlib.pyplot as plt

    shown = effects[effects["n_pairs"] > 0].copy()
    labels = [_label(row, items) for row in shown.to_dict("records")]
    rows = range(len(shown))
    drawn, (left, right) = plt.subplots(
        1, 2, figsize=(8.6, 1.6 + ROW_HEIGHT * max(3, len(shown))), sharey=True, width_ratios=(3, 2)
    )
    zero_line(left)
    colours = [COLOURS[0] if scope != "item" else faint() for scope in shown["scope"]]
    for y, (row, colour) in enumerate(zip(shown.to_dict("records"), colours, strict=True)):
        left.plot(
            [row["ci_low"], row["ci_high"]], [y, y], color=colour, lw=2, solid_capstyle="butt"
        )
        left.plot(row["order_bias"], y, "o", color=colour, ms=5)
    right.barh(rows, 100 * shown["exact_rate"], color=COLOURS[2], height=0.7, label="exactly")
    right.barh(
        rows,
        100 * (shown["within_one_rate"] - shown["exact_rate"]),
        left=100 * shown["exact_rate"],
        color=COLOURS[5],
        height=0.7,
        label="within one point",
    )
    left.set_yticks(list(rows), labels)
    left.set_ylim(len(shown) - 0.4, -0.6)
    left.set_xlabel("order bias r + r' - 6, points\n(positive = prefers large numbers)")
    right.set_xlabel("dual answers that agree (%)")
    right.set_xlim(0, 100)
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
    left.set_title(f"The scale upside down\n{title}\n")
    total = shown.iloc[0] if len(shown) else None
    footnote(
        drawn.axes[0],
        "Mean over personas of their mean order bias, 95 % t interval. "
        + (
            f"n = {int(total['n_pairs']):,} dual answers of {int(total['n_personas']):,} personas; "
            f"quadratic-weighted kappa {total['weighted_kappa']:.2f}."
            if total is not None
            else ""
        ),
        below=58.0,
    )
    return drawn
