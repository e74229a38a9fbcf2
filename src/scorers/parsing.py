"""Replies to ratings: the one place where a model's words become a number, or do not.

A reply is untrusted text. It is normalised (full-width digits become digits), thinking blocks and
code fences are taken off, and then, in this order: a JSON object with the key `rating`; a line that
is nothing but a rating; exactly one number in prose, once mentions of the scale itself are taken
out. Whatever does not yield exactly one whole number from 1 to 5 is not a rating.
"""

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Invalid", "Outcome", "ParsedRating", "parse_rating"]

Outcome = Literal["rating", "refused", "invalid"]
Invalid = Literal["no number", "out of range", "not a whole number", "several numbers", "truncated"]

LOWEST, HIGHEST = 1, 5
# Only the end of a longer reply is read: the answer is there, and no pattern runs over megabytes.
MAX_CHARACTERS = 20_000
# A line that is nothing but a rating is short; the pattern for it is not run over longer ones.
MAX_LINE = 80


@dataclass(frozen=True)
class ParsedRating:
    """What one reply is worth.

    Attributes:
        outcome: `rating`, `refused` or `invalid`.
        rating: 1-5 for a rating, else None.
        reason: Why the reply is invalid, else None.
    """

    outcome: Outcome
    rating: int | None = None
    reason: Invalid | None = None


WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "eins": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5,
    "zero": 0, "null": 0, "six": 6, "sechs": 6,
}  # fmt: skip

# "ein"/"eine" and "one" as a pronoun ("no one", "one could say") are not numbers in prose; "one"
# counts only where the whole line is the rating.
PROSE_WORDS = {word: value for word, value in WORDS.items() if word not in ("one", "null")}

NUMBER = r"[-+]?\d+(?:[.,]\d+)?"
ANY_WORD = "|".join(WORDS)
OF_FIVE = r"(?:\s*(?:/|von|out\s+of|of|aus)\s*(?P<top>5|fünf|five)\b(?:\s*(?:punkten|points))?)?"
LABEL = (
    r"(?:(?:(?:the|my|die|meine)\s+)?(?:rating|bewertung|antwort|answer|score|urteil)"
    r"\s*(?:is|ist|lautet)?\s*[:=]?\s*)?"
)
LINE = re.compile(
    rf"^[\s*_`\"'>#({{\[-]*?{LABEL}[\s*_`\"'(\[]*(?P<value>{NUMBER}|{ANY_WORD})"
    rf"{OF_FIVE}[\s*_`\"'.!)\]}}]*$",
    re.IGNORECASE,
)
DASH = r"(?:-|–|—|‑|\.\.+|bis|to|and|und|through)"
RANGE = re.compile(
    rf"(?<![\d.,])(?:{NUMBER}|one|eins|eine[rn]?)\s*{DASH}\s*(?:{NUMBER}|five|fünf)(?![\d])",
    re.IGNORECASE,
)
FRACTION = re.compile(
    rf"(?<![\d.,])(?P<value>{NUMBER})\s*(?:/|von|aus|(?:out\s+)?of)\s*(?P<top>\d+)(?![\d])",
    re.IGNORECASE,
)
IN_PROSE = re.compile(
    rf"(?<![\w.,])(?P<value>{NUMBER}|(?:{'|'.join(PROSE_WORDS)})\b)(?![\w]|[.,]\d)", re.IGNORECASE
)
LOOSE_KEY = re.compile(
    r"[{,\s]\s*[\"'“”]?rating[\"'“”]?\s*[:=]\s*[\"'“”]?(?P<value>[^\s,}\"'“”]+)", re.IGNORECASE
)
THINKING_OPENS = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
THINKING_ENDS = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
FENCE = re.compile(r"```[\w-]*")
REFUSAL = re.compile(
    r"\b(?:i\s+(?:can(?:no|')t|can\s+not|cannot|am\s+(?:unable|not\s+able)|won't|will\s+not|"
    r"must\s+decline|decline|refuse|don't\s+feel\s+comfortable|prefer\s+not)|"
    r"i'm\s+(?:unable|not\s+able|sorry|not\s+comfortable)|sorry|as\s+an\s+ai|"
    r"not\s+(?:be\s+)?(?:appropriate|possible|able)|inappropriate|impossible\s+to|"
    r"(?:kann|möchte|werde|darf|will)\s+(?:ich\s+)?(?:(?:das|dies|diese|dazu|hierzu|leider|"
    r"darüber|die\s+person)\s+)*(?:nicht|kein)|tut\s+mir\s+leid|"
    r"nicht\s+(?:möglich|angemessen)|unangemessen|als\s+(?:eine\s+)?ki\b|"
    r"(?:lehne|verweigere)\s+)",
    re.IGNORECASE,
)


class _DuplicateKey(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key.strip().lower() for key, _ in pairs]
    if keys.count("rating") > 1:
        raise _DuplicateKey
    return dict(zip(keys, (value for _, value in pairs), strict=True))


def _json_ratings(text: str) -> list[Any]:
    """Values of `rating` in every JSON object of the text; several for a duplicate key."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    found: list[Any] = []
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except _DuplicateKey:
            return [object(), object()]
        except (json.JSONDecodeError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and "rating" in value:
            found.append(value["rating"])
        at = text.find("{", end)
    return found


def _without_thinking(text: str) -> tuple[str, bool]:
    """The text outside its thinking block, and whether that block was closed.

    Some chat templates open the block in the prompt, so that a reply holds only its end.
    """
    ends = list(THINKING_ENDS.finditer(text))
    if not ends:
        return text, THINKING_OPENS.search(text) is None
    opens = THINKING_OPENS.search(text)
    before = text[: opens.start()] if opens and opens.start() < ends[-1].start() else ""
    after = text[ends[-1].end() :]
    return before + "\n" + after, THINKING_OPENS.search(after) is None


def _number(value: float) -> ParsedRating:
    if math.isinf(value):
        return ParsedRating("invalid", reason="out of range")
    if value != int(value):
        return ParsedRating("invalid", reason="not a whole number")
    if not LOWEST <= value <= HIGHEST:
        return ParsedRating("invalid", reason="out of range")
    return ParsedRating("rating", rating=int(value))


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _scalar(text: str) -> ParsedRating | None:
    """A text that is nothing but a rating, or None."""
    if len(text) <= MAX_LINE and RANGE.fullmatch(text.strip()):
        return ParsedRating("invalid", reason="several numbers")
    match = LINE.match(text) if len(text) <= MAX_LINE else None
    if match is None:
        return None
    value = match["value"].lower()
    return _number(float(WORDS[value]) if value in WORDS else _float(value))


def _json_value(value: Any) -> ParsedRating:
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return ParsedRating("invalid", reason="no number")
    if isinstance(value, (int, float)):
        if value != value or value in (float("inf"), float("-inf")):
            return ParsedRating("invalid", reason="no number")
        return _number(value)
    return _text(str(value))


def _prose(text: str) -> ParsedRating:
    """Exactly one number in running text, mentions of the scale taken out first."""
    values: list[float] = []
    ranges = len(RANGE.findall(text))
    rest = RANGE.sub(" ", text)

    def take(match: re.Match[str]) -> str:
        value, top = _float(match["value"]), int(match["top"])
        # "4/5" is a rating of 4; "8/10" is on another scale, which no number from 1 to 5 is.
        values.append(value if top == HIGHEST else float(HIGHEST + 1))
        return " "

    rest = FRACTION.sub(take, rest)
    for match in IN_PROSE.finditer(rest):
        word = match["value"].lower()
        values.append(float(PROSE_WORDS[word]) if word in PROSE_WORDS else _float(word))
    if not values:
        return ParsedRating("invalid", reason="several numbers" if ranges else "no number")
    if len(set(values)) > 1:
        return ParsedRating("invalid", reason="several numbers")
    return _number(values[0])


def _text(text: str) -> ParsedRating:
    lines = [line for line in text.splitlines() if line.strip()]
    alone = [parsed for line in lines if (parsed := _scalar(line)) is not None]
    # A reasoned answer ends in a line that is the rating. Several such lines with different
    # numbers are the scale read back, not an answer.
    if alone and len({p.rating for p in alone}) > 1:
        return ParsedRating("invalid", reason="several numbers")
    if alone and lines and _scalar(lines[-1]) is not None:
        return alone[-1]
    parsed = _prose(text)
    if REFUSAL.search(text):
        # "I cannot give more than 3" may be either; it is asked again rather than guessed.
        if parsed.outcome == "rating":
            return ParsedRating("invalid", reason="no number")
        return ParsedRating("refused")
    return parsed


def parse_rating(text: str, stop_reason: str | None = None) -> ParsedRating:
    """Read one reply to a question with the numbered scale 1-5.

    Args:
        text: The reply, as the model wrote it.
        stop_reason: inspect's stop reason; `max_tokens` makes an unfinished reply `truncated`,
            `content_filter` a refusal.
    """
    if stop_reason == "content_filter":
        return ParsedRating("refused")
    cut = stop_reason in ("max_tokens", "model_length")
    text, finished = _without_thinking(text)
    if not finished:
        return ParsedRating("invalid", reason="truncated" if cut else "no number")
    text = unicodedata.normalize("NFKC", text[-MAX_CHARACTERS:])
    text = FENCE.sub("\n", text.replace("’", "'").replace("−", "-")).strip()

    ratings = _json_ratings(text)
    if ratings:
        parsed = [_json_value(value) for value in ratings]
        if len(set(parsed)) > 1 or (len(parsed) > 1 and parsed[0].outcome == "invalid"):
            return ParsedRating("invalid", reason="several numbers")
        if ratings[0] is None and REFUSAL.search(text):
            return ParsedRating("refused")
        return parsed[0]
    if cut and ("{" in text or not text):
        return ParsedRating("invalid", reason="truncated")
    loose = [_scalar(match["value"]) for match in LOOSE_KEY.finditer(text)]
    if "{" in text and loose:
        if len(set(loose)) > 1:
            return ParsedRating("invalid", reason="several numbers")
        return loose[0] or ParsedRating("invalid", reason="no number")
    parsed_text = _text(text)
    if cut and parsed_text.outcome != "refused" and _scalar(text) is None:
        return ParsedRating("invalid", reason="truncated")
    return parsed_text
