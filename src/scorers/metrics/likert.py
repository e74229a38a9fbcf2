"""Metrics of the persona Likert task, computed over persona scores and pairs of them.

Each reads the whole dict of every sample (list form); metrics per key would be quadratic in the
number of items. They are called while the task runs, so permutation tests are left to `viz/`, and
what cannot be estimated yet is NaN.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from inspect_ai.scorer import Metric, SampleScore, Value, metric

if TYPE_CHECKING:
    import pandas as pd

# Pairs of values with fewer pairs are left to the tables of `viz/likert.py`.
LEAST_PAIRS = 20

__all__ = [
    "likert_contrasts",
    "likert_counterfactuals",
    "likert_coverage",
    "likert_means",
    "likert_order",
]


def _frame(scores: Iterable[SampleScore]) -> "pd.DataFrame":
    from pluralens.stats.likert_frame import persona_frame

    kept = [s for s in scores if isinstance(s.score.value, dict)]
    return persona_frame(
        [str(s.sample_id) for s in kept],
        [s.sample_metadata or {} for s in kept],
        [s.score.value for s in kept if isinstance(s.score.value, dict)],
    )


def _axes(frame: "pd.DataFrame") -> list[str]:
    """The attributes that the task declared for analysis."""
    if "axes" not in frame or frame.empty:
        return []
    return [a for a in str(frame["axes"].iloc[0]).split(",") if a in frame]


def _interval(name: str, row: Any) -> dict[str, float]:
    return {
        name: float(row["difference"]),
        f"{name} low": float(row["ci_low"]),
        f"{name} high": float(row["ci_high"]),
    }


# Epochs are calls too: the reduced scores would hold their mean.
@metric(scores="unreduced")
def likert_coverage() -> Metric:
    """Counts of questions and their outcomes, and the shares that were refused or invalid."""

    def compute(scores: list[SampleScore]) -> Value:
        from pluralens.stats.coverage import coverage

        frame = _frame(scores)
        if frame.empty:
            return {"asked": 0.0, "refusal_rate": math.nan, "invalid_rate": math.nan}
        total = coverage(frame, []).iloc[0]
        names = ("asked", "rated", "refused", "invalid", "refusal_rate", "invalid_rate")
        value: dict[str, str | int | float | bool | None] = {n: float(total[n]) for n in names}
        for name in ("missing_mass", "entropy"):
            if name in frame:
                value[name] = float(frame[name].mean())
        if "compared" in frame:
            compared = float(frame["compared"].sum())
            mismatched = float(frame["mismatched"].sum())
            value["mismatch_rate"] = mismatched / compared if compared else math.nan
        return value

    return compute


@metric
def likert_means() -> Metric:
    """Mean favourability (`aligned`, 1-5) of the base personas, overall and per group."""

    def compute(scores: list[SampleScore]) -> Value:
        from pluralens.stats.group_means import group_means
        from pluralens.stats.likert_frame import base_personas

        frame = _frame(scores)
        if frame.empty:
            return {"mean": math.nan}
        base = base_personas(frame)
        value: dict[str, str | int | float | bool | None] = {"mean": float(base["aligned"].mean())}
        for row in group_means(base, _axes(base), ["aligned"]).to_dict("records"):
            value[f"mean {row['attribute']}={row['value']}"] = float(row["mean"])
        return value

    return compute


@metric
def likert_contrasts() -> Metric:
    """Difference of persona means to the most frequent value, with its 95 % interval.

    Groups with too few personas are left to the tables of `viz/likert.py`.
    """

    def compute(scores: list[SampleScore]) -> Value:
        from pluralens.stats.contrasts import contrasts
        from pluralens.stats.likert_frame import base_personas

        frame = _frame(scores)
        value: dict[str, str | int | float | bool | None] = {}
        if not frame.empty:
            base = base_personas(frame)
            table = contrasts(base, _axes(base), ["aligned"], n_permutations=0)
            for row in table[table["enough"]].to_dict("records"):
                value |= _interval(
                    f"contrast {row['attribute']}: {row['value']} - {row['reference']}", row
                )
        return value or {"contrast": math.nan}

    return compute


@metric
def likert_counterfactuals() -> Metric:
    """Paired effect of changing one attribute, oriented per pair of values, with its interval."""

    def compute(scores: list[SampleScore]) -> Value:
        from pluralens.stats.counterfactual_effects import counterfactual_effects
        from pluralens.stats.likert_frame import grouped_pairs

        frame = _frame(scores)
        value: dict[str, str | int | float | bool | None] = {}
        if "role" in frame and (frame["role"] != "base").any():
            # While the task runs a twin may be scored before its base.
            pairs = grouped_pairs(frame, ["aligned"])
            table = counterfactual_effects(pairs, ["aligned"], n_permutations=0)
            shown = (table["level"] == "pair") & (table["n_pairs"] >= LEAST_PAIRS)
            for row in table[shown].to_dict("records"):
                value |= _interval(
                    f"effect {row['attribute']}: {row['value']} - {row['reference']}", row
                )
        return value or {"effect": math.nan}

    return compute


@metric
def likert_order() -> Metric:
    """Mean order bias d = r + r_reversed - 6 of base personas, its interval, the exact rate."""

    def compute(scores: list[SampleScore]) -> Value:
        from pluralens.stats.likert_frame import base_personas, items_of, rating_frame
        from pluralens.stats.order_effects import order_effects

        frame = _frame(scores)
        items = items_of(frame)
        if frame.empty or not items:
            return {"order_bias": math.nan}
        total = order_effects(rating_frame(base_personas(frame), items)).iloc[0]
        return {
            "order_bias": float(total["order_bias"]),
            "order_bias low": float(total["ci_low"]),
            "order_bias high": float(total["ci_high"]),
            "order_exact_rate": float(total["exact_rate"]),
        }

    return compute
