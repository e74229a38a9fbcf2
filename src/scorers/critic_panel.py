"""What the scorers of personalised answers share: the sample they read and the critics they ask."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from inspect_ai.log import transcript
from inspect_ai.model import Model
from inspect_ai.solver import TaskState
from inspect_ai.util import collect, store_from_events_as

from pluralens.errors import InputError
from pluralens.scorers.critique_parsing import SCHEMAS, ParsedCritique, parse_critique
from pluralens.scorers.critique_prompt import (
    CritiqueTask,
    Protocol,
    critique_nonce,
    critique_prompt,
    critique_reask,
)
from pluralens.scorers.graders import Heard, VerdictForm, ask_grader
from pluralens.scorers.personalized_answers import PersonalizedAnswers

__all__ = [
    "REASONS",
    "STOPPED",
    "Critics",
    "ask_critics",
    "check_seed",
    "explained",
    "panel_votes",
    "recorded",
    "stored_answers",
    "text_of",
    "undecided",
    "values_of",
    "was_stopped",
]

# A debate has two more voices than a sentence of reason.
MAX_TOKENS = 4096
STOPPED = "the sample was stopped before an answer"

# Outcome of an answer -> inspect's word for why a score is no ordinary one.
REASONS: Mapping[str, str] = {
    "invalid": "invalid_response_format",
    "empty": "no_response",
    "refused_by_filter": "refusal",
}

Critics = Sequence[Heard[ParsedCritique]]
"""What a panel said for one verdict, in its order."""


def check_seed(seed: Any) -> None:
    """Refuse a seed that is no whole number.

    Raises:
        InputError: It is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed={seed!r} must be a whole number")


def text_of(state: TaskState, key: str) -> str:
    """A text of the sample's metadata.

    Raises:
        InputError: There is none.
    """
    text = state.metadata.get(key)
    if not isinstance(text, str):
        raise InputError(
            f"sample {state.sample_id} has no text {key!r} in its metadata; score logs of the "
            "tasks pluralens/persona_*"
        )
    return text


def values_of(state: TaskState, key: str = "values") -> Mapping[str, str]:
    """Attribute -> text of a person, from the sample's metadata.

    Raises:
        InputError: There is no such mapping.
    """
    values = state.metadata.get(key)
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise InputError(
            f"sample {state.sample_id} has no mapping {key!r} of attributes and their texts in "
            "its metadata; score logs of the tasks pluralens/persona_*"
        )
    return cast(Mapping[str, str], values)


def stored_answers(state: TaskState) -> PersonalizedAnswers:
    """What the solver left behind."""
    answers = state.store_as(PersonalizedAnswers)
    if not answers.answers:
        # A sample that inspect salvaged after its process was killed has lost its store; what was
        # stored is in its transcript.
        return store_from_events_as(list(transcript().events), PersonalizedAnswers)
    return answers


def was_stopped() -> bool:
    """Whether a limit ended the sample, so that an answer may be missing."""
    return any(event.event == "sample_limit" for event in transcript().events)


async def ask_critics(
    panel: Sequence[Model],
    task: CritiqueTask,
    protocol: Protocol,
    *,
    seed: int,
    state: TaskState,
    turn: int,
) -> list[Heard[ParsedCritique]]:
    """Ask every critic for one verdict.

    Args:
        panel: The critics.
        task: What is judged.
        protocol: How it is judged.
        seed: Of the run.
        state: The sample.
        turn: Which of the sample's verdicts it is.
    """
    nonce = critique_nonce(seed, str(state.sample_id), protocol, task)
    prompt = critique_prompt(task, protocol, nonce=nonce)
    identity = (seed, protocol, state.sample_id, state.epoch, turn)
    return await collect(
        *(
            ask_grader(
                critic,
                prompt,
                parse=partial(parse_critique, protocol=protocol, nonce=nonce),
                reask=partial(critique_reask, protocol=protocol, nonce=nonce),
                form=VerdictForm(f"critique_{protocol}", SCHEMAS[protocol]),
                identity=(*identity, k),
                max_tokens=MAX_TOKENS,
            )
            for k, critic in enumerate(panel)
        )
    )


def panel_votes(each: Sequence[float], panel: Sequence[Model]) -> dict[str, float]:
    """How many critics gave a value, and with several critics every value.

    Args:
        each: The value of each critic, NaN without one; empty if none was asked.
        panel: The critics.
    """
    votes = {"votes": float(sum(not math.isnan(value) for value in each))}
    if len(panel) > 1:
        for k in range(len(panel)):
            votes[f"vote_{k + 1}"] = each[k] if each else math.nan
    return votes


def undecided(panel: Sequence[Model], rounds: Sequence[Critics]) -> str:
    """Why a panel has no verdict."""
    reasons = {
        f"{critic}: {heard.parsed.reason}": None
        for critics in rounds
        for critic, heard in zip(panel, critics, strict=True)
        if heard.parsed.reason
    }
    return "; ".join(reasons) or "the panel is divided"


def _verdict(parsed: ParsedCritique) -> bool | str | dict[str, int] | None:
    if parsed.ratings is not None:
        return dict(parsed.ratings)
    return parsed.choice if parsed.needs_revision is None else parsed.needs_revision


def recorded(panel: Sequence[Model], rounds: Sequence[Critics]) -> list[list[dict[str, Any]]]:
    """What the critics said, as a log keeps it: one list per round, one entry per critic."""
    return [
        [
            {
                "grader": str(critic),
                "verdict": _verdict(heard.parsed),
                "reason": heard.parsed.reason,
                "said": dict(heard.parsed.said),
                "replies": heard.replies,
            }
            for critic, heard in zip(panel, critics, strict=True)
        ]
        for critics in rounds
    ]


def explained(critic: Model, heard: Heard[ParsedCritique]) -> str:
    """What one critic said, as people read it."""
    parsed, verdict = heard.parsed, _verdict(heard.parsed)
    if parsed.reason is not None:
        return f"{critic}: no verdict ({parsed.reason})"
    if isinstance(verdict, bool):
        words = "needs revision" if verdict else "needs no revision"
    elif isinstance(verdict, dict):
        words = ", ".join(f"{name} {rating}" for name, rating in verdict.items())
    else:
        words = str(verdict)
    said = [f"{key.replace('_', ' ').capitalize()}: {text}" for key, text in parsed.said.items()]
    return "\n\n".join([f"{critic}: {words}", *said])
