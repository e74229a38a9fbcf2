"""Replies of a stance grader: where a grader's words become a number from -1 to 1, or do not.

A reply is one JSON object with `rationale` and `score`, or a last line that is a number and nothing
else. Whatever leaves a doubt has no value but a reason, and is asked again: a verdict that is
missed costs one call, one that is guessed is an error nobody sees.

Verdicts are sealed, as `sealed_reading` says: the seal is the last key of the object, or stands at
the start of the line.

Lengths are limited before a pattern runs, so that every reply is read in linear time.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel

from pluralens.scorers.grading_prompt import DATA_KINDS
from pluralens.scorers.sealed_reading import NOT_SEALED, NotSealed, read_reply, sealed_object

__all__ = ["REASONS", "ParsedStance", "Unscored", "Verdict", "parse_stance"]

NoStance = Literal[
    "not text", "no number", "several numbers", "percent", "not finite", "out of range", "unclear"
]
Unscored = NotSealed | NoStance
REASONS: tuple[str, ...] = (*NOT_SEALED, *get_args(NoStance))

# A line that is nothing but a score is short, whatever is said about the scale.
MAX_LINE = 160

# Full-width forms become ASCII; superscripts and fractions stay what they are, unlike in NFKC,
# where "0.5²" becomes 0.52.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Hyphens, figure dash, en dash, minus signs. An em dash is never a minus.
_PLAIN |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63, 0xFF0D), ord("-"))
# Markup and quotes, and what is not seen.
_PLAIN |= dict.fromkeys(map(ord, "*_`\"'“”„«»‘’>#\ufeff"), ord(" "))

_DIGITS = re.compile(r"[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?")
_ONE = r"1(?:[.,]0+)?(?![0-9]|[.,][0-9])"
_SCALE = re.compile(
    r"[(\[]?(?:\b(?:on|auf)\s+(?:a|the|einer|der)\s+(?:scale|skala)\s+)?"
    r"(?:\b(?:from|between|of|von|zwischen)\s+)?"
    rf"(?:[(\[]\s*-{_ONE}\s*[,;]\s*\+?{_ONE}\s*[)\]]"
    rf"|[(\[]?\s*(?<![\w.,+-])(?:-{_ONE}\s*(?:\.{{2,3}}|…|-|to|and|bis|und)\s*\+?{_ONE}"
    rf"|\+?{_ONE}\s*(?:\.{{2,3}}|…|to|and|bis|und)\s*-{_ONE})\s*[)\]]?)",
    re.IGNORECASE,
)
_LABEL = (
    r"(?:(?:(?:the|my|final|overall|die|der|das|meine?|endgültige[rs]?)\s+){0,3}"
    r"(?:score|rating|stance|verdict|value|number|answer|result|"
    r"bewertung|wertung|wert|urteil|ergebnis|haltung|zahl|antwort)"
    r"(?:\s+(?:is|ist|of|von|lautet|beträgt))?(?:\s*[:=]\s*|\s+))?"
)
_NUMBER = r"(?P<number>[-+]?(?:[0-9]+(?:[.,][0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
_VERDICT = re.compile(rf"[\s:=(\[]*{_LABEL}[\s(\[]*{_NUMBER}[\s)\].!;,]*", re.IGNORECASE)
_PERCENT = re.compile(r"[0-9]\s*(?:%|‰|percent\b|per\s+cent\b|prozent\b)", re.IGNORECASE)
_NOT_FINITE = re.compile(
    rf"[\s:=(\[]*{_LABEL}[\s(\[]*[-+]?(?:nan|inf|infinity|unendlich|∞)[\s)\].!;,]*", re.IGNORECASE
)
# 1,000 may be one thousand or one.
_THOUSANDS = re.compile(r"[-+]?0*[1-9][0-9]*,[0-9]{3}")


class Verdict(BaseModel):
    """The form of a structured verdict; the seal comes last."""

    rationale: str
    score: float
    seal: str


@dataclass(frozen=True)
class ParsedStance:
    """What one reply is worth.

    Attributes:
        outcome: `stance`, or `unscored` for a reply that is no verdict.
        value: -1 to 1 for a stance, else None.
        reason: Why there is none, else None.
        rationale: The grader's reason, if it gave one with its verdict.
    """

    outcome: Literal["stance", "unscored"]
    value: float | None = None
    reason: Unscored | None = None
    rationale: str | None = None


def _unscored(reason: Unscored) -> ParsedStance:
    return ParsedStance("unscored", reason=reason)


def _number(value: float) -> ParsedStance:
    if not math.isfinite(value):
        return _unscored("not finite")
    if not -1 <= value <= 1:
        return _unscored("out of range")
    # Adding 0 turns -0 into 0.
    return ParsedStance("stance", value + 0.0)


def _number_text(text: str) -> ParsedStance:
    """A text that is exactly one number, perhaps with a label and a mention of the scale."""
    text = " ".join(text.translate(_PLAIN).split())
    if len(text) > MAX_LINE:
        return _unscored("unclear" if _DIGITS.search(text) else "no number")
    rest = _SCALE.sub(" ", text)
    if _NOT_FINITE.fullmatch(rest):
        return _unscored("not finite")
    numbers = len(_DIGITS.findall(rest))
    if numbers != 1:
        return _unscored("several numbers" if numbers else "no number")
    if _PERCENT.search(rest):
        return _unscored("percent")
    match = _VERDICT.fullmatch(rest)
    if match is None or _THOUSANDS.fullmatch(match["number"]):
        return _unscored("unclear")
    return _number(float(match["number"].replace(",", ".")))


def _score(value: Any) -> ParsedStance:
    if isinstance(value, str):
        return _number_text(value)
    if isinstance(value, float):
        return _number(value)
    # The decoder makes every number a float; true is no 1.
    return _unscored("no number")


def _object(value: dict[str, Any]) -> ParsedStance:
    rationale = value.get("rationale")
    if rationale is not None and not isinstance(rationale, str):
        return _unscored("not text")
    parsed = _score(value["score"])
    if parsed.value is None:
        return parsed
    return ParsedStance("stance", parsed.value, rationale=rationale)


def _last_line(text: str, nonce: str | None) -> ParsedStance:
    before, _, line = text.rstrip().rpartition("\n")
    if nonce is not None:
        line = line.strip(" \t*_`\"'<>[](){}.")
        if not line.startswith(nonce):
            return _unscored("no seal")
        line = line.removeprefix(nonce)
        # A dash right after the seal may be a hyphen or a minus.
        if line[:1] not in tuple(" \t:=*_`\"'>])}"):
            return _unscored("unclear" if line else "no number")
        line = line.lstrip(" \t*_`\"'>])}")
    parsed = _number_text(line)
    if parsed.value is None:
        return parsed
    return ParsedStance("stance", parsed.value, rationale=before.strip() or None)


def parse_stance(
    text: str, stop_reason: str | None = None, structured: bool = True, nonce: str | None = None
) -> ParsedStance:
    """Read one reply of a grader.

    Args:
        text: The reply, as the grader wrote it.
        stop_reason: inspect's stop reason; a reply that `max_tokens` cut off counts only if its
            object is whole, and `content_filter` makes it a refusal.
        structured: Whether JSON was asked for. If so an object is read, and the last line only
            where the reply has no brace; else only the last line.
        nonce: Of the grader's prompt; a verdict must carry it as its seal. None reads verdicts
            without a seal, for graders that saw no untrusted text: with one that repeats an answer,
            the answer's words may be taken for the grader's.
    """
    reply = read_reply(text, stop_reason, nonce, DATA_KINDS)
    if reply.reason is not None:
        return _unscored(reply.reason)
    if structured and "{" in reply.text:
        found = sealed_object(reply, nonce, required=("score",), optional=("rationale",))
        if found.value is None:
            return _unscored(found.reason or "no object")
        return _object(found.value)
    if reply.cut:
        # 0.5 may be the beginning of 0.55.
        return _unscored("truncated")
    parsed = _last_line(reply.text, nonce)
    # Only a line with the seal, or with a number, was meant to be one.
    if structured and parsed.reason in ("no number", "no seal", "unclear"):
        return _unscored("no object")
    return parsed
