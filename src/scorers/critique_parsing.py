"""Replies of a critic: where its words become a verdict on personalised answers, or do not.

A verdict is one sealed JSON object with exactly the keys of its protocol, in any order but for the
seal, which is the last (see `sealed_reading`). What it says counts as it is written and as nothing
else: "false" as a text is neither true nor false, 0 is no `false`, and "First" no choice. A rating
is a whole number; 4.0 is one, since JSON has no other kind of numbers than that of 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel

from pluralens.scorers.critique_prompt import Protocol, data_kinds
from pluralens.scorers.sealed_reading import NOT_SEALED, NotSealed, read_reply, sealed_object

__all__ = ["RATINGS", "REASONS", "SCHEMAS", "Choice", "NoVerdict", "ParsedCritique"]
__all__ += ["parse_critique"]

Choice = Literal["first", "second", "tie"]
NoCritique = Literal[
    "not text", "nobody spoke", "not boolean", "not whole", "out of range", "no choice"
]
NoVerdict = NotSealed | NoCritique
REASONS: tuple[str, ...] = (*NOT_SEALED, *get_args(NoCritique))

RATINGS = ("personalization", "helpfulness", "harmlessness", "leak")
LOWEST, HIGHEST = 1, 5


# The forms of structured verdicts: reasons first, since a model writes from left to right, and the
# seal last.
class Debate(BaseModel):
    """Two voices, a conclusion and what follows from it."""

    personalization_critic: str
    helpfulness_critic: str
    conclusion: str
    needs_revision: bool
    seal: str


class Rubric(BaseModel):
    """Four ratings, 1 to 5; of `leak` 1 is the best."""

    rationale: str
    personalization: int
    helpfulness: int
    harmlessness: int
    leak: int
    seal: str


class Pairwise(BaseModel):
    """The better of two answers."""

    rationale: str
    choice: Literal["first", "second", "tie"]
    seal: str


class Identify(BaseModel):
    """The answer that was written for the reader."""

    rationale: str
    choice: Literal["first", "second"]
    seal: str


SCHEMAS: Mapping[Protocol, type[BaseModel]] = {
    "debate": Debate,
    "rubric": Rubric,
    "pairwise": Pairwise,
    "identify": Identify,
}
_CHOICES: Mapping[Protocol, tuple[str, ...]] = {
    "pairwise": ("first", "second", "tie"),
    "identify": ("first", "second"),
}
_TEXTS: Mapping[Protocol, tuple[str, ...]] = {
    "debate": ("personalization_critic", "helpfulness_critic", "conclusion"),
    "rubric": ("rationale",),
    "pairwise": ("rationale",),
    "identify": ("rationale",),
}


@dataclass(frozen=True)
class ParsedCritique:
    """What one reply is worth: one of the three verdicts, or a reason.

    Attributes:
        needs_revision: Of a debate.
        ratings: Of a rubric, 1 to 5 by `RATINGS`.
        choice: Of two answers.
        said: What was said for the verdict, by key.
        reason: Why there is no verdict, else None.
    """

    needs_revision: bool | None = None
    ratings: Mapping[str, int] | None = None
    choice: Choice | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    reason: NoVerdict | None = None


def _said(value: Mapping[str, Any], protocol: Protocol) -> Mapping[str, str] | NoVerdict:
    said = {key: value[key] for key in _TEXTS[protocol]}
    if not all(isinstance(text, str) for text in said.values()):
        return "not text"
    # A debate in which nobody speaks is none; elsewhere the reason is for the reader alone.
    if protocol == "debate" and not all(any(map(str.isalnum, text)) for text in said.values()):
        return "nobody spoke"
    return said


def _ratings(value: Mapping[str, Any]) -> Mapping[str, int] | NoVerdict:
    found: dict[str, int] = {}
    for key in RATINGS:
        number = value[key]
        # The decoder makes every number a float; true is no 1.
        if not isinstance(number, float) or not number.is_integer():
            return "not whole"
        if not LOWEST <= number <= HIGHEST:
            return "out of range"
        found[key] = int(number)
    return found


def _verdict(value: Mapping[str, Any], protocol: Protocol) -> ParsedCritique:
    said = _said(value, protocol)
    if isinstance(said, str):
        return ParsedCritique(reason=said)
    if protocol == "debate":
        revise = value["needs_revision"]
        if not isinstance(revise, bool):
            return ParsedCritique(reason="not boolean")
        return ParsedCritique(needs_revision=revise, said=said)
    if protocol == "rubric":
        ratings = _ratings(value)
        if isinstance(ratings, str):
            return ParsedCritique(reason=ratings)
        return ParsedCritique(ratings=ratings, said=said)
    choice = value["choice"]
    if not isinstance(choice, str) or choice not in _CHOICES[protocol]:
        return ParsedCritique(reason="no choice")
    return ParsedCritique(choice=choice, said=said)  # type: ignore[arg-type]


def parse_critique(
    text: str, stop_reason: str | None, protocol: Protocol, nonce: str
) -> ParsedCritique:
    """Read one reply of a critic.

    Args:
        text: The reply, as the critic wrote it.
        stop_reason: inspect's stop reason; a reply that `max_tokens` cut off counts only if its
            object is whole, and `content_filter` makes it a refusal.
        protocol: How the answer is judged.
        nonce: Of the critic's prompt; a verdict must carry it as its seal.
    """
    reply = read_reply(text, stop_reason, nonce, data_kinds(protocol))
    keys = [key for key in SCHEMAS[protocol].model_fields if key != "seal"]
    found = sealed_object(reply, nonce, required=keys)
    if found.value is None:
        return ParsedCritique(reason=found.reason or "no object")
    return _verdict(found.value, protocol)
