"""Group means: how favourably each group is rated, with its interval and its size."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.stats.group_means import group_means
from pluralens.stats.likert_frame import base_personas, outcomes, rating_counts
from pluralens.viz.likert_figures.forest import Row, forest
from pluralens.viz.likert_figures.labels import attribute_words, value_words
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]


def table(log: LikertLog) -> pd.DataFrame:
    """Means per attribute value, for the semantic score, `aligned` and every dimension.

    Returns:
        The columns of `pluralens.stats.group_means`; base personas only.
    """
    base = base_personas(log.frame)
    wanted = ["semantic", *outcomes(base)]
    counts = rating_counts(base_personas(log.runs), log.items, wanted).add_prefix("n ")
    counts = counts.groupby(base_personas(log.runs)["sample_id"]).sum()
    base = base.join(counts, on="sample_id")
    names = {outcome: f"n {outcome}" for outcome in wanted}
    return group_means(base, log.axes, wanted, rating_counts=names)


def figure(means: pd.DataFrame, title: str) -> "Figure":
    """One row per group, all dimensions together."""
    part = means[means["outcome"] == "aligned"]
    rows = [
        Row(
            section=attribute_words(row["attribute"]),
            label=f"{value_words(row['value'])} (n={row['n_personas']:,})",
            estimate=row["mean"],
            low=row["ci_low"],
            high=row["ci_high"],
        )
        for row in part.to_dict("records")
    ]
    drawn = forest(
        rows,
        title=f"How favourably each group is rated\n{title}",
        xlabel="mean rating, points on the 1-5 scale (5 = most favourable)",
        zero=None,
    )
    footnote(
        drawn.axes[0],
        "Mean of persona means over all items (negative adjectives mirrored), 95 % t interval; "
        "n = personas. Groups differ in their other attributes too: see the paired effects.",
    )
    return drawn
