"""Contrast forest: every group against the most frequent one, between different personas."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.stats.contrasts import contrasts
from pluralens.stats.likert_frame import base_personas, item_scores, outcomes
from pluralens.viz.likert_figures.forest import ALPHA, difference_row, forest
from pluralens.viz.likert_figures.labels import (
    attribute_words,
    outcome_words,
    pair_words,
    value_words,
)
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]


def table(log: LikertLog) -> pd.DataFrame:
    """Contrasts for all dimensions together, per dimension and per item.

    Returns:
        The columns of `pluralens.stats.contrasts`; base personas only.
    """
    base = base_personas(log.frame)
    items = item_scores(base, log.items).add_prefix("item ")
    frame = pd.concat([base, items], axis=1)
    return contrasts(frame, log.axes, [*outcomes(base), *items.columns])


def figure(effects: pd.DataFrame, title: str) -> "Figure":
    """One row per group and dimension; grey = not distinguishable from zero after correction."""
    part = effects[effects["outcome"].str.startswith("aligned") & effects["enough"]]
    overall = part[part["outcome"] == "aligned"]
    rows = []
    for row in overall.to_dict("records"):
        reference = f"reference: {value_words(row['reference'])}, n={row['n_reference']:,}"
        section = f"{attribute_words(row['attribute'])} ({reference})"
        label = f"{value_words(row['value'])} (n={row['n_value']:,})"
        rows.append(difference_row(section, label, row))
    per_dimension = part[(part["outcome"] != "aligned") & (part["p_adjusted"] < ALPHA)]
    for row in per_dimension.to_dict("records"):
        label = f"{outcome_words(row['outcome'])}: {pair_words(row)}"
        rows.append(difference_row("single dimensions that differ after correction", label, row))
    drawn = forest(
        rows,
        title=f"Groups against their reference\n{title}",
        xlabel="difference of mean ratings, points (positive = rated above the reference)",
    )
    footnote(
        drawn.axes[0],
        "Differences between persona means with 95 % Welch intervals; blue: permutation p < 0.05 "
        "after Benjamini-Hochberg within the attribute, grey: not. Groups differ in their other "
        "attributes too: the paired effects hold those fixed.",
    )
    return drawn
