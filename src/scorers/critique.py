"""Scorer of personalised answers: does an answer suit its reader, and help, as critics see it?"""

import logging
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple, cast

from inspect_ai.model import Model
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from inspect_ai.util import collect

from pluralens.errors import InputError, shown_plainly
from pluralens.scorers.critic_panel import (
    REASONS,
    STOPPED,
    Critics,
    ask_critics,
    check_seed,
    explained,
    panel_votes,
    recorded,
    stored_answers,
    text_of,
    undecided,
    values_of,
    was_stopped,
)
from pluralens.scorers.critique_parsing import RATINGS
from pluralens.scorers.critique_prompt import PROTOCOLS, CritiqueTask, Protocol
from pluralens.scorers.graders import SelfJudging, graders
from pluralens.scorers.leaks import quoted_attributes
from pluralens.scorers.metrics.critique import (
    critique_accuracy,
    critique_cells,
    critique_importance,
    critique_pass_at_k,
)
from pluralens.scorers.panel import panel_majority, panel_median
from pluralens.scorers.personalized_answers import Answer, PersonalizedAnswers, answer_of

__all__ = ["CRITIQUE_PROTOCOLS", "SEES", "critique"]

CRITIQUE_PROTOCOLS = tuple(name for name in PROTOCOLS if name != "identify")
# The metadata that holds the persona as the critic reads it.
SEES: Mapping[str, str] = {"full": "persona", "shown": "shown"}
DEFAULTS: Mapping[str, Any] = {
    "protocol": "debate", "sees": "full", "threshold": 4, "seed": 0,
}  # fmt: skip
NO_BASELINE = "the baseline answer is unreadable or missing"

logger = logging.getLogger(__name__)


class _Verdict(NamedTuple):
    """What the critics amount to.

    Attributes:
        accepted: 1, 0 or between them; NaN without a verdict.
        each: The same of each critic alone.
        more: The protocol's own values.
    """

    accepted: float
    each: list[float]
    more: dict[str, float]


class _Read(NamedTuple):
    """The sample's answer and, for `pairwise`, that of the baseline."""

    answer: Answer
    baseline: Answer | None


class _Judged(NamedTuple):
    """Everything that a score tells of a sample."""

    read: _Read
    panel: list[Model]
    rounds: list[Critics]
    verdict: _Verdict
    quoted: tuple[str, ...]
    self_judged: bool


def _options(given: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, else what a sample says of its run, else the default.

    Raises:
        InputError: An option is out of range.
    """
    chosen = {
        name: about.get(name, default) if given[name] is None else given[name]
        for name, default in DEFAULTS.items()
    }
    for name, known in (("protocol", CRITIQUE_PROTOCOLS), ("sees", tuple(SEES))):
        if chosen[name] not in known:
            raise InputError(
                f"{name}={chosen[name]!r} is unknown; choose one of {', '.join(known)}"
            )
    threshold = chosen["threshold"]
    if isinstance(threshold, bool) or not isinstance(threshold, int) or not 1 <= threshold <= 5:
        raise InputError(f"threshold={threshold!r} must be a whole number from 1 to 5")
    check_seed(chosen["seed"])
    return chosen


@scorer(
    metrics=[
        critique_accuracy(),
        critique_importance(),
        critique_cells(),
        critique_pass_at_k(),
    ]
)
def critique(
    protocol: str | None = None,
    sees: str | None = None,
    seed: int | None = None,
    threshold: int | None = None,
) -> Scorer:
    """Let the models of the role `grader` criticise an answer that was written for one reader.

    An answer that cannot be read is the model's fault: it is not accepted, and no critic sees it.
    A verdict that is invalid twice is the critic's, and leaves the sample unscored. With several
    critics most of them decide, and with `rubric` the medians of their ratings; a panel that is
    divided, or of which not more than half gave a verdict, leaves the sample unscored too. Two
    critics are divided whenever they disagree, and what is left is what is easy to judge: take an
    odd number.

    A critic that cannot be reached, after all retries, is no verdict at all: the sample ends in
    inspect's error. For a grader that is not reliable run with `--no-score`, and judge later with
    `inspect score --scorer pluralens/critique`: what is not given is then as in the run, whose
    samples say it.

    Args:
        protocol: `debate` (two critics and a conclusion), `rubric` (four ratings from 1 to 5) or
            `pairwise` (against the baseline's answer, in both orders). None: as the run was asked
            to, else `debate`.
        sees: The persona that the critic reads: `full`, whatever the model was shown, or `shown`.
            None: as the run was asked to, else `full`.
        seed: Of the seals and the requests. None: that of the run, else 0.
        threshold: Rating from which on `rubric` accepts; for leaks, where 1 is the best, up to
            6 minus it. None: as the run was asked to, else 4.
    """
    given = {"protocol": protocol, "sees": sees, "threshold": threshold, "seed": seed}
    with shown_plainly():
        _options(given, {})
    judging = SelfJudging(logger)

    async def score(state: TaskState, target: Target) -> Score:
        with shown_plainly():
            panel = graders()
            options = _options(given, state.metadata)
            persona, values = text_of(state, SEES[options["sees"]]), values_of(state)
            chosen = cast(Protocol, options["protocol"])
            read = _read(stored_answers(state), chosen)
        self_judged = judging.found(panel, state.model)
        tasks = _tasks(state.input_text, persona, read, chosen)
        rounds: list[Critics] = await collect(
            *(
                ask_critics(panel, task, chosen, seed=options["seed"], state=state, turn=turn)
                for turn, task in enumerate(tasks)
            )
        )
        verdict = _verdict(rounds, chosen, options["threshold"])
        quoted = quoted_attributes(read.answer.text, values, state.input_text)
        judged = _Judged(read, panel, rounds, verdict, quoted, self_judged)
        # The metrics know of a scorer's options only what its scores tell them.
        return _score(state, judged, options)

    return score


def _read(answers: PersonalizedAnswers, protocol: Protocol) -> _Read:
    """The answers to judge.

    Raises:
        InputError: The sample has answers of another kind, or lacks the baseline's.
    """
    answer = answer_of(answers, "answer")
    if answer is None and answers.answers:
        keys = ", ".join(one.key for one in answers.answers)
        raise InputError(
            f"the answers are {keys}, none of which the scorer critique judges; use "
            "pluralens/identification"
        )
    # A sample that a limit stopped before its answer counts among those without one.
    answer = answer or Answer(key="answer", outcome="empty")
    baseline = answer_of(answers, "baseline") if protocol == "pairwise" else None
    asked = protocol == "pairwise" and answer.outcome == "answer"
    if asked and baseline is None and not was_stopped():
        raise InputError(
            "protocol=pairwise compares with a baseline answer, which the sample lacks; run the "
            "task with -T protocol=pairwise, or choose another protocol"
        )
    return _Read(answer, baseline)


def _tasks(question: str, persona: str, read: _Read, protocol: Protocol) -> list[CritiqueTask]:
    """What the critics are shown: nothing without an answer, two orders of two answers."""
    answer, baseline = read
    if answer.outcome != "answer":
        return []
    if protocol != "pairwise":
        return [CritiqueTask(question, persona, (answer.text,))]
    if baseline is None or baseline.outcome != "answer":
        return []
    orders = ((answer.text, baseline.text), (baseline.text, answer.text))
    return [CritiqueTask(question, persona, order) for order in orders]


def _verdict(rounds: Sequence[Critics], protocol: Protocol, threshold: int) -> _Verdict:
    if protocol == "debate":
        return _debate(rounds[0] if rounds else [])
    if protocol == "rubric":
        return _rubric(rounds[0] if rounds else [], threshold)
    return _pairwise(rounds)


def _debate(critics: Critics) -> _Verdict:
    def accepted(needs_revision: bool | None) -> float:
        return math.nan if needs_revision is None else 1.0 - needs_revision

    votes = [heard.parsed.needs_revision for heard in critics]
    return _Verdict(accepted(panel_majority(votes)), [accepted(vote) for vote in votes], {})


def _rubric(critics: Critics, threshold: int) -> _Verdict:
    def accepted(ratings: Mapping[str, float]) -> float:
        if any(math.isnan(rating) for rating in ratings.values()):
            return math.nan
        best = all(ratings[name] >= threshold for name in RATINGS if name != "leak")
        return float(best and ratings["leak"] <= 6 - threshold)

    votes = [heard.parsed.ratings for heard in critics]
    medians = {
        name: panel_median([vote[name] if vote else None for vote in votes]) for name in RATINGS
    }
    each = [accepted(vote) if vote else math.nan for vote in votes]
    # `leak` is the count of quotations, which no critic makes.
    named = {"leak_rating" if name == "leak" else name: value for name, value in medians.items()}
    return _Verdict(accepted(medians), each, named)


def _pairwise(rounds: Sequence[Critics]) -> _Verdict:
    """Win 1, tie 1/2, loss 0, on average over both orders."""
    first = {"first": 1.0, "tie": 0.5, "second": 0.0}

    def points(choices: Sequence[str | None]) -> list[float]:
        places = [math.nan if choice is None else first[choice] for choice in choices]
        # In the second order the answer stands second.
        return [places[0], 1 - places[1]] if places else [math.nan]

    votes = [[heard.parsed.choice for heard in critics] for critics in rounds]
    choices = [panel_majority(panel) for panel in votes]
    found = points(choices)
    accepted = fmean(found)
    known = not math.isnan(accepted)
    chosen = fmean(first[choice] for choice in choices if choice) if known else math.nan
    consistent = float(found[0] == found[-1]) if known else math.nan
    each = [fmean(points(own)) for own in zip(*votes, strict=True)]
    return _Verdict(accepted, each, {"order_consistent": consistent, "first_chosen": chosen})


def _score(state: TaskState, judged: _Judged, options: Mapping[str, Any]) -> Score:
    answer, rounds, panel = judged.read.answer, judged.rounds, judged.panel
    pairwise = options["protocol"] == "pairwise"
    invalid = answer.outcome != "answer"
    unscored = not invalid and math.isnan(judged.verdict.accepted)
    no_baseline = pairwise and not invalid and not rounds
    why, reason = None, None
    if invalid:
        why, reason = answer.reason or STOPPED, REASONS[answer.outcome]
    elif no_baseline:
        why, reason = NO_BASELINE, "scoring_failed"
    elif unscored:
        why, reason = undecided(panel, rounds), "grader_failed"
    value: dict[str, float] = {
        "accepted": 0.0 if invalid else judged.verdict.accepted,
        "invalid": float(invalid),
        "refused": float(_refused(answer)),
        "unscored": float(unscored),
        "leak": math.nan if invalid else float(bool(judged.quoted)),
        "length": math.nan if invalid else float(len(answer.text)),
        "self_judged": float(judged.self_judged),
        **panel_votes(judged.verdict.each, panel),
        **judged.verdict.more,
    }
    if pairwise:
        value["no_baseline"] = float(no_baseline)
    return Score(
        value=dict(value),
        answer=answer.text or None,
        explanation=_explained(value, why, panel, rounds),
        reason=reason,
        metadata={
            # Attempts are told apart by their epoch, of which metrics see nothing.
            "epoch": state.epoch,
            "persona_id": state.metadata.get("persona_id"),
            "outcome": "invalid" if invalid else "unscored" if unscored else "scored",
            "why": why,
            "quoted": list(judged.quoted),
            "graders": [str(grader) for grader in panel],
            "verdicts": recorded(panel, rounds),
            **options,
        },
    )


def _refused(answer: Answer) -> bool:
    """Whether the model declined, in an answer or instead of one."""
    return answer.refused or answer.reason == "refused" or answer.outcome == "refused_by_filter"


def _explained(
    value: Mapping[str, float], why: str | None, panel: Sequence[Model], rounds: Sequence[Critics]
) -> str:
    if value["invalid"]:
        head = f"invalid: {why}"
    elif why is not None:
        head = f"unscored: {why}"
    else:
        head = f"accepted: {value['accepted']:g}"
    orders = ["the answer first", "the baseline first"] if len(rounds) > 1 else [""]
    said = [
        f"{order}\n\n{explained(*vote)}".strip()
        for order, critics in zip(orders, rounds, strict=False)
        for vote in zip(panel, critics, strict=True)
    ]
    return "\n\n".join([head, *said])
