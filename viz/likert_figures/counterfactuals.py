"""Counterfactual effects: what changing one attribute of the same persona does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.counterfactual_effects import counterfactual_effects
from pluralens.stats.likert_frame import grouped_pairs, outcomes
from pluralens.stats.pair_differences import PLACEBO
from pluralens.viz.likert_figures.forest import ALPHA, difference_row, forest
from pluralens.viz.likert_figures.labels import attribute_words, outcome_words, pair_words
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "has_pairs", "table"]


def has_pairs(log: LikertLog) -> bool:
    """Whether the log holds counterfactual twins or placebo pairs."""
    return "role" in log.frame and bool((log.frame["role"] != "base").any())


def table(log: LikertLog) -> pd.DataFrame:
    """Paired effects for all dimensions together and per dimension.

    Returns:
        The columns of `pluralens.stats.counterfactual_effects`.
    """
    columns = outcomes(log.frame)
    return counterfactual_effects(grouped_pairs(log.frame, columns), columns)


def _label(row: Mapping[Any, Any]) -> str:
    pair = "second - first" if row["attribute"] == PLACEBO else pair_words(row)
    return f"{pair} (n={row['n_pairs']:,})"


def figure(effects: pd.DataFrame, title: str) -> "Figure":
    """One row per pair of values; the grey band is where asking twice alone would put it."""
    per_pair = (effects["level"] == "pair") | (effects["attribute"] == PLACEBO)
    part = effects[per_pair & (effects["outcome"] == "aligned")]
    part = part.sort_values("attribute", key=lambda a: a == PLACEBO, kind="stable")
    rows = [
        difference_row(attribute_words(row["attribute"]), _label(row), row)
        for row in part[part["difference"].notna()].to_dict("records")
    ]
    single = effects[
        (effects["level"] == "pair")
        & (effects["outcome"] != "aligned")
        & (effects["p_adjusted"] < ALPHA)
    ]
    for row in single.to_dict("records"):
        label = f"{outcome_words(row['outcome'])}: {_label(row)}"
        rows.append(difference_row("single dimensions that change after correction", label, row))
    placebo = part["n_placebo"].max() if len(part) else 0
    drawn = forest(
        rows,
        title=f"The same persona with one attribute changed\n{title}",
        xlabel="paired difference of mean ratings, points (positive = first-named is rated higher)",
    )
    band = (
        f"Grey band: where 95 % of such means would fall if only asking twice moved the ratings "
        f"({int(placebo)} placebo pairs)."
        if placebo
        else "No placebo pairs were asked (add placebo to counterfactuals)."
    )
    footnote(
        drawn.axes[0],
        "Mean within-pair difference with its 95 % interval over base personas; n = pairs; blue: "
        f"sign-flip p < 0.05 after Benjamini-Hochberg within the attribute, grey: not. {band}",
    )
    return drawn
