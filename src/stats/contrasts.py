"""Contrasts of base personas: every value of an attribute against a reference value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.stats.cliffs_delta import cliffs_delta
from pluralens.stats.clusters import check_level
from pluralens.stats.likert_scale import outcome_kind
from pluralens.stats.multiplicity import adjust_within
from pluralens.stats.permutation import welch_permutation_p
from pluralens.stats.persona_frame import (
    attribute_groups,
    outcome_matrix,
    require_base_personas,
    require_columns,
)
from pluralens.stats.seeding import cell_rng
from pluralens.stats.welch import welch

__all__ = ["contrasts"]

COLUMNS = ["attribute", "value", "reference", "outcome", "n_value", "n_reference", "difference"]
COLUMNS += ["ci_low", "ci_high", "p", "p_adjusted", "cliffs_delta", "enough", "family"]

Floats = NDArray[np.float64]


def contrasts(
    frame: pd.DataFrame,
    attributes: Sequence[str],
    outcomes: Sequence[str],
    *,
    reference: Mapping[str, str] | None = None,
    min_n: int = 10,
    n_permutations: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare the persona means of each attribute value with those of the reference value.

    Difference of means with Welch's t interval, studentised permutation p over personas, Cliff's
    delta. Positive = the value is above the reference, in all three. The declared family for
    Benjamini-Hochberg is attribute x kind of outcome (overall, dimension or item, see
    `outcome_kind`): all values of one attribute, on all outcomes of that kind. Rows without enough
    personas have no p and do not count in the family.

    Args:
        frame: Persona frame, base personas only: `sample_id`, attributes, outcomes (scale points).
        attributes: Columns to compare, one at a time; other attributes are not held constant.
        outcomes: Outcome columns.
        reference: Attribute -> reference value; by default the most frequent value.
        min_n: Personas with the outcome that both groups need.
        n_permutations: Random permutations per value; 0 for no test (p is NaN), which is fast.
        seed: Seed; a row's p does not depend on which other attributes are analysed.
        level: Confidence level.

    Returns:
        One row per attribute, value other than the reference, and outcome: attribute, value,
        reference, outcome, n_value, n_reference (personas with the outcome), difference, ci_low,
        ci_high (scale points), p, p_adjusted, cliffs_delta, enough (both n >= `min_n`; the
        estimates are NaN where it is False), family.

    Raises:
        InputError: A column is missing or not numeric, the rows are not base personas, a reference
            value does not occur, or an option is out of range.
    """
    check_level(level)
    if min_n < 2:
        raise InputError(f"min_n: {min_n} is too few for a variance; give at least 2")
    require_base_personas(frame, "persona frame")
    values = outcome_matrix(frame, outcomes, "persona frame")
    require_columns(frame, attributes, "persona frame")
    given = dict(reference or {})
    for attribute in given:
        if attribute not in attributes:
            raise InputError(
                f"reference: {attribute} is not analysed; choose among {', '.join(attributes)}"
            )
    rows: list[tuple[object, ...]] = []
    for attribute in attributes:
        groups = attribute_groups(frame, attribute)
        if not groups:
            continue
        against = _reference(attribute, groups, given.get(attribute))
        for value, members in groups.items():
            if value == against:
                continue
            rng = cell_rng(seed, attribute, value, against)
            pair = values[members], values[groups[against]]
            columns = _compare(*pair, min_n=min_n, level=level, n=n_permutations, rng=rng)
            for outcome, numbers in zip(outcomes, columns, strict=True):
                family = f"{attribute}/{outcome_kind(outcome)}"
                rows.append((attribute, value, against, outcome, *numbers, family))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    table["p_adjusted"] = adjust_within(table, ["family"])
    return table[COLUMNS]


def _reference(attribute: str, groups: Mapping[str, NDArray[np.intp]], given: str | None) -> str:
    if given is None:
        return max(groups, key=lambda value: len(groups[value]))
    if given not in groups:
        raise InputError(
            f"reference: no persona has {attribute} {given!r}; choose among {', '.join(groups)}"
        )
    return given


def _compare(
    value: Floats,
    reference: Floats,
    *,
    min_n: int,
    level: float,
    n: int,
    rng: np.random.Generator,
) -> Iterator[tuple[object, ...]]:
    """Yield n_value, n_reference, difference, ci_low, ci_high, p, delta, enough per outcome."""
    comparison = welch(value, reference, level)
    enough = np.minimum(comparison.n_value, comparison.n_reference) >= min_n
    p = np.full(enough.size, np.nan)
    if enough.any() and n:
        stacked = np.concatenate([value, reference])[:, enough]
        labels = np.arange(len(stacked)) < len(value)
        p[enough] = welch_permutation_p(stacked, labels, n_permutations=n, rng=rng)
    for k in range(enough.size):
        counts = int(comparison.n_value[k]), int(comparison.n_reference[k])
        if enough[k]:
            low, high = float(comparison.low[k]), float(comparison.high[k])
            delta = cliffs_delta(value[:, k], reference[:, k])
            yield (*counts, float(comparison.difference[k]), low, high, float(p[k]), delta, True)
        else:
            yield (*counts, *(float("nan"),) * 5, False)
