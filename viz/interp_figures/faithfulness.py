"""Faithfulness: ablating heads in the order of a ranking, and what that costs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.viz.interp_figures.panels import finish, side_by_side
from pluralens.viz.interp_figures.words import about_items, estimand, titled
from pluralens.viz.interp_logs import InterpLog, InterpUnit
from pluralens.viz.style import COLOURS, faint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

MEASURES = {"bias": "bias left (nats)", "perplexity": "perplexity"}


def table(unit: InterpUnit) -> pd.DataFrame:
    """Bias left and perplexity by number of ablated heads.

    Returns:
        One row per measure (`bias`, nats; `perplexity`, of whole sentences, the exponential of the
        mean negative log-probability per token) and number of heads: unit, measure, k, value,
        ci_low, ci_high for the ranked heads, and random_mean, random_low, random_high: mean and
        range over random rankings.
    """
    return pd.DataFrame(list(_rows(unit)))


def _rows(unit: InterpUnit) -> Iterator[dict[str, Any]]:
    arrays = unit.arrays
    ranked = {"bias": arrays["bias"], "perplexity": np.exp(-arrays["log_prob"])[[0, 2, 1]]}
    random = {"bias": arrays["random_bias"], "perplexity": np.exp(-arrays["random_log_prob"])}
    for measure, (value, low, high) in ranked.items():
        draws = random[measure]
        for place, k in enumerate(arrays["k"].astype(int)):
            yield {
                "unit": unit.id,
                "measure": measure,
                "k": k,
                "value": value[place],
                "ci_low": low[place],
                "ci_high": high[place],
                "random_mean": draws[:, place].mean(),
                "random_low": draws[:, place].min(),
                "random_high": draws[:, place].max(),
            }


def figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """Bias left at the left, its cost at the right."""
    from matplotlib.ticker import MaxNLocator

    drawn, panels = side_by_side(len(MEASURES), 3.4, 2.8)
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        rows = frame[frame["measure"] == measure]
        axes.axhline(
            0 if measure == "bias" else rows["value"].iloc[0],
            color=faint(),
            linewidth=1.2,
            zorder=1,
        )
        axes.fill_between(
            rows["k"], rows["random_low"], rows["random_high"], color=faint(0.17), lw=0,
            label="random heads, range",
        )  # fmt: skip
        axes.plot(
            rows["k"], rows["random_mean"], "s--", color=COLOURS[1], ms=4,
            label="random heads, mean",
        )  # fmt: skip
        axes.plot(rows["k"], rows["value"], "o-", color=COLOURS[0], ms=5, label="ranked heads")
        axes.fill_between(
            rows["k"], rows["ci_low"], rows["ci_high"], color=COLOURS[0], alpha=0.2, lw=0
        )
        axes.set(xlabel="heads ablated together", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    what = "Bias left, and what it costs, with the first k heads ablated"
    area = [unit.number(name) for name in ("area", "area low", "area high", "random_area")]
    advantage = [unit.number(f"advantage{end}") for end in ("", " low", " high")]
    finish(
        panels,
        titled(what, log, unit, f"{unit.about.get('mode', '')} ablation"),
        f"{about_items(unit)}, {unit.about.get('sentences', '?')} sentences for the perplexity. "
        f"{estimand(unit)} Blue band: 95 % CI. Area under the bias left, 1 being none removed: "
        f"{area[0]:.2f} ({area[1]:.2f} to {area[2]:.2f}), random {area[3]:.2f}; less than random "
        f"by {advantage[0]:.2f} ({advantage[1]:.2f} to {advantage[2]:.2f}).",
    )
    return drawn
