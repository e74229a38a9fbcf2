"""Scorer of a persona's interview: raw ratings, persona means and counts as one flat dict."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from inspect_ai.log import transcript
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from inspect_ai.util import store_from_events_as

from pluralens.scorers.answers import Answer, LikertAnswers, item_key
from pluralens.scorers.digits import digit_distribution
from pluralens.scorers.metrics.likert import (
    likert_contrasts,
    likert_counterfactuals,
    likert_coverage,
    likert_means,
    likert_order,
)
from pluralens.scorers.parsing import Outcome, parse_rating

__all__ = ["rating", "score_answers"]


class _Read(NamedTuple):
    outcome: Outcome
    raw: float
    expected: float
    entropy: float
    missing_mass: float
    mode: int | None
    reason: str | None


def _read(answer: Answer, elicit: str) -> _Read:
    """What one answer is worth; the last reply counts, so a second one replaces the first."""
    distribution = digit_distribution(answer.digits) if answer.digits is not None else None
    expected, entropy, missing, mode = distribution or (math.nan, math.nan, math.nan, None)
    if elicit == "logprobs":
        outcome: Outcome = "invalid" if math.isnan(expected) else "rating"
        reason = "no digit among the most probable tokens" if outcome == "invalid" else None
        return _Read(outcome, math.nan, expected, entropy, missing, mode, reason)
    parsed = parse_rating(answer.replies[-1], answer.stops[-1])
    raw = math.nan if parsed.rating is None else float(parsed.rating)
    return _Read(parsed.outcome, raw, expected, entropy, missing, mode, parsed.reason)


def _mean(values: Sequence[float]) -> float:
    present = [value for value in values if not math.isnan(value)]
    return math.fsum(present) / len(present) if present else math.nan


def score_answers(store: LikertAnswers) -> tuple[dict[str, float], dict[str, int]]:
    """Turn the stored replies of one persona into numbers.

    Args:
        store: The persona's answers.

    Returns:
        The flat dict of `Score.value` and the number of invalid answers per reason. The dict
        holds, in this order: the raw rating per item and order (`g1`, `g1_rev`; NaN if none or
        not asked); expected ratings (`g1_ev`) with `entropy` (nats), `missing_mass` and, beside
        text, `mismatched` of `compared`; persona means on the 1-5 scale (`semantic`, `aligned`,
        `aligned_<dimension>`); the counts `asked`, `rated`, `refused`, `invalid`, `reasked`.
    """
    import numpy as np

    from pluralens.stats.likert_scale import persona_scores

    with_text = store.elicit != "logprobs"
    with_digits = store.elicit in ("logprobs", "both")
    items = list(dict.fromkeys(a.item for a in store.answers))
    about = {a.item: a for a in store.answers}
    orders = {"normal": (False,), "reversed": (True,)}.get(store.orders, (False, True))
    read = {(a.item, a.reversed_order): _read(a, store.elicit) for a in store.answers}

    value: dict[str, float] = {}
    ratings = np.full((len(items), 2), np.nan)
    for row, item in enumerate(items):
        for upside_down in orders:
            key = item_key(item, upside_down)
            one = read.get((item, upside_down))
            if with_text:
                value[key] = one.raw if one else math.nan
            if with_digits:
                value[f"{key}_ev"] = one.expected if one else math.nan
            ratings[row, int(upside_down)] = value[key if with_text else f"{key}_ev"]
    if with_digits:
        value["entropy"] = _mean([r.entropy for r in read.values()])
        value["missing_mass"] = _mean([r.missing_mass for r in read.values()])
    if store.elicit == "both":
        compared = [r for r in read.values() if not math.isnan(r.raw) and r.mode is not None]
        value["compared"] = float(len(compared))
        value["mismatched"] = float(sum(r.raw != r.mode for r in compared))
    value |= persona_scores(
        ratings, [about[i].valence for i in items], [about[i].dimension for i in items]
    )
    value["asked"] = float(len(store.answers))
    value["rated"] = float(np.isfinite(ratings).sum())
    for outcome in ("refused", "invalid"):
        value[outcome] = float(sum(r.outcome == outcome for r in read.values()))
    value["reasked"] = float(sum(len(a.replies) > 1 for a in store.answers))
    reasons: dict[str, int] = {}
    for r in read.values():
        if r.reason is not None:
            reasons[r.reason] = reasons.get(r.reason, 0) + 1
    return value, reasons


@scorer(
    metrics=[
        likert_coverage(),
        likert_means(),
        likert_contrasts(),
        likert_counterfactuals(),
        likert_order(),
    ]
)
def rating() -> Scorer:
    """Score the interview of one persona from what the solver stored; makes no calls."""

    async def score(state: TaskState, target: Target) -> Score:
        store = state.store_as(LikertAnswers)
        if not store.answers:
            # A sample that inspect salvaged after its process was killed has lost its store; what
            # was stored is in its transcript.
            store = store_from_events_as(list(transcript().events), LikertAnswers)
        if not store.answers:
            return Score.unscored(
                reason="no_response", explanation="the sample holds no answers to score"
            )
        value, reasons = score_answers(store)
        counts = ", ".join(
            f"{int(value[name])} {name}" for name in ("asked", "rated", "refused", "invalid")
        )
        why = "".join(f"\ninvalid: {reason} ({n})" for reason, n in reasons.items())
        return Score(value=dict(value), explanation=counts + why, metadata={"invalid": reasons})

    return score
