"""Mean ratings per attribute value, with coverage beside every mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.persona_frame import (
    COUNTS,
    attribute_groups,
    outcome_matrix,
    require_base_personas,
    require_columns,
)

__all__ = ["group_means"]

COLUMNS = ["attribute", "value", "outcome", "mean", "ci_low", "ci_high", "n_personas", "n_ratings"]
COLUMNS += ["asked", "refused", "invalid", "refusal_rate", "invalid_rate"]


def group_means(
    frame: pd.DataFrame,
    attributes: Sequence[str],
    outcomes: Sequence[str],
    *,
    level: float = 0.95,
    rating_counts: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Average persona means within each value of each attribute.

    mean +- t_{n-1} * s / sqrt(n) over the n personas that have the outcome.

    Args:
        frame: Persona frame, base personas only: `sample_id`, attributes, outcomes (scale points)
            and `asked`, `rated`, `refused`, `invalid` (calls).
        attributes: Columns to group by, one at a time.
        outcomes: Outcome columns.
        level: Confidence level.
        rating_counts: Outcome -> column with the number of ratings behind it. For other outcomes
            `n_ratings` is the sum of `rated`: all ratings of these personas, of which an outcome
            on one item or dimension uses a part.

    Returns:
        One row per attribute, value and outcome: attribute, value, outcome, mean, ci_low, ci_high
        (scale points; the interval is NaN for a single persona), n_personas and n_ratings (of
        personas with the outcome), asked, refused, invalid (calls of all personas with the value),
        refusal_rate, invalid_rate (shares of asked; NaN if nothing was asked).

    Raises:
        InputError: A column is missing or not numeric, the rows are not base personas, or `level`
            is not between 0 and 1.
    """
    check_level(level)
    require_base_personas(frame, "persona frame")
    counted = dict(rating_counts or {})
    require_columns(frame, [*attributes, *COUNTS, *counted.values()], "persona frame")
    values = outcome_matrix(frame, outcomes, "persona frame")
    calls = outcome_matrix(frame, COUNTS, "persona frame")
    behind = outcome_matrix(frame, [counted.get(o, "rated") for o in outcomes], "persona frame")
    rows: list[tuple[object, ...]] = []
    for attribute in attributes:
        for value, members in attribute_groups(frame, attribute).items():
            estimate = estimate_mean(cluster_sums(values[members]))
            low, high = t_interval(estimate, level)
            asked, _, refused, invalid = (float(total) for total in calls[members].sum(axis=0))
            rates = (refused / asked, invalid / asked) if asked else (float("nan"),) * 2
            for k, outcome in enumerate(outcomes):
                rated = values[members, k] == values[members, k]
                n_ratings = float(behind[members, k][rated].sum())
                numbers = (float(x) for x in (estimate.mean[k], low[k], high[k]))
                n_personas = int(estimate.n_clusters[k])
                row = (attribute, value, outcome, *numbers, n_personas, n_ratings)
                rows.append((*row, asked, refused, invalid, *rates))
    return pd.DataFrame(rows, columns=COLUMNS)
