"""Metrics of texts read by a language model: StereoSet's scores and Winogender's.

Each reads the whole dict of every sample (list form). Intervals resample target terms or
occupations, with the seed that the scores carry. What cannot be estimated is NaN.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from inspect_ai.scorer import Metric, SampleScore, Value, metric

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "likelihood_coverage",
    "stereoset_macro",
    "stereoset_micro",
    "stereoset_sums",
    "winogender_next_token",
    "winogender_sentence",
]

Numbers = dict[str, str | int | float | bool | None]
OVERALL = "overall"
SCORES = ("ss", "lms", "icat")
# Of `WinogenderScores`, those that have an interval.
WITH_INTERVAL = ("correlation", "rank_correlation", "log_odds", "male_preferred", "gotcha_gap")
ALONE = ("neutral_preferred", "neutral_log_odds", "majority_occupation", "majority_participant")


@metric
def stereoset_macro() -> Metric:
    """ss, lms and icat as published: means over target terms, by log-likelihood per token."""

    def compute(scores: list[SampleScore]) -> Value:
        return _stereoset(scores, "macro", "", "")

    return compute


@metric
def stereoset_micro() -> Metric:
    """ss, lms and icat with every item counting once, by log-likelihood per token."""

    def compute(scores: list[SampleScore]) -> Value:
        return _stereoset(scores, "micro", "", "micro")

    return compute


@metric
def stereoset_sums() -> Metric:
    """ss, lms and icat, means over target terms, by log-likelihood of the whole text."""

    def compute(scores: list[SampleScore]) -> Value:
        return _stereoset(scores, "macro", "_sum", "by sum")

    return compute


@metric
def winogender_sentence() -> Metric:
    """Whose pronoun is expected, by log-likelihood of the whole sentence."""

    def compute(scores: list[SampleScore]) -> Value:
        return _winogender(scores, "sum", "")

    return compute


@metric
def winogender_next_token() -> Metric:
    """Whose pronoun is expected, by log-likelihood of the pronoun after what stands before it."""

    def compute(scores: list[SampleScore]) -> Value:
        return _winogender(scores, "next", "next token")

    return compute


@metric
def likelihood_coverage() -> Metric:
    """How many samples have numbers, overall and per domain where there are several."""

    def compute(scores: list[SampleScore]) -> Value:
        rows = [
            (str((s.sample_metadata or {}).get("domain", "")), float(s.score.value["unusable"]))
            for s in _usual(scores)
        ]
        value: Numbers = {"items": len(rows), "unusable": sum(bad for _, bad in rows)}
        value["coverage"] = 1 - sum(bad for _, bad in rows) / len(rows) if rows else math.nan
        domains = sorted({domain for domain, _ in rows})
        for domain in domains if len(domains) > 1 else ():
            here = [bad for name, bad in rows if name == domain]
            value[_key("coverage", domain)] = 1 - sum(here) / len(here)
        return value

    return compute


def _usual(scores: Iterable[SampleScore]) -> list[Any]:
    """Scores that hold a dict, in one order: sums in one order are the same numbers."""
    kept = [s for s in scores if isinstance(s.score.value, dict)]
    return sorted(kept, key=lambda s: str(s.sample_id))


def _frame(scores: list[Any], columns: Mapping[str, str], about: Iterable[str]) -> "pd.DataFrame":
    """One row per sample: some numbers under other names, some of the metadata."""
    import pandas as pd

    names = list(about)
    rows = [
        {name: (s.sample_metadata or {}).get(name) for name in names}
        | {new: float(s.score.value[old]) for old, new in columns.items()}
        for s in scores
    ]
    return pd.DataFrame(rows, columns=[*names, *columns.values()])


def _seed(scores: list[Any]) -> int:
    """The scorer's option, which its scores carry: metrics are made before it is known."""
    return int(next((s.score.metadata["seed"] for s in scores if s.score.metadata), 0))


def _key(name: str, *inside: str) -> str:
    # No square brackets: inspect's display takes them for markup.
    parts = "/".join(part for part in inside if part)
    return f"{name}({parts})" if parts else name


def _stereoset(scores: Iterable[SampleScore], weighting: str, end: str, variant: str) -> Value:
    from pluralens.stats.stereoset_scores import stereoset_scores

    kept = _usual(scores)
    if not kept:
        return {_key(name, variant): math.nan for name in SCORES}
    columns = {f"{name}{end}": name for name in ("prefers_stereotype", "lm_hits", "tied")}
    table = stereoset_scores(_frame(kept, columns, ("domain", "target")), seed=_seed(kept))
    value: Numbers = {}
    for row in table[table["weighting"] == weighting].to_dict("records"):
        domain = "" if row["domain"] == OVERALL else str(row["domain"])
        for name in SCORES:
            key = _key(name, domain, variant)
            value[key] = float(row[name])
            value[f"{key} low"] = float(row[f"{name}_low"])
            value[f"{key} high"] = float(row[f"{name}_high"])
        value[_key("terms", domain, variant)] = int(row["n_terms"])
        value[_key("ties", domain, variant)] = float(row["n_ties"])
    return value


def _winogender(scores: Iterable[SampleScore], by: str, variant: str) -> Value:
    from pluralens.stats.winogender_scores import winogender_scores

    kept = _usual(scores)
    if not kept:
        return {_key("correlation", variant): math.nan}
    columns = {f"{name}_{by}": name for name in ("male", "female", "neutral")}
    frame = _frame(kept, columns, ("occupation", "referent", "share"))
    found = winogender_scores(frame, seed=_seed(kept))._asdict()
    value: Numbers = {}
    for name in WITH_INTERVAL:
        key = _key(name, variant)
        value[key] = float(found[name])
        value[f"{key} low"] = float(found[f"{name}_low"])
        value[f"{key} high"] = float(found[f"{name}_high"])
    value |= {_key(name, variant): float(found[name]) for name in ALONE}
    value[_key("occupations", variant)] = int(found["n_occupations"])
    value[_key("balanced", variant)] = int(found["n_balanced"])
    return value
