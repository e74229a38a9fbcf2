"""Replies to ratings: the one place where a model's words become a number, or do not.

A reply is untrusted text. It is normalised (full-width digits become digits), thinking blocks and
code fences are taken off, and then, in this order: a JSON object with the key `rating`; a line that
is nothing but a rating; exactly one number in prose, once mentions of the scale itself are taken
out, and only if its place says that it is the rating ("I choose 4", "friendly: 4", "four out of
five"; not "two sides", "3 years old"). Whatever does not yield exactly one whole number from 1 to 5
is not a rating. A refusal with a number in it is `unclear`, and asked again.

Texts are squeezed first (no runs of white space, no endless digits), so every pattern is linear.
"""

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from pluralens.scorers.json_replies import without_thinking

__all__ = ["REFUSAL", "Invalid", "Outcome", "ParsedRating", "parse_rating"]

Outcome = Literal["rating", "refused", "invalid"]
Invalid = Literal[
    "no number", "out of range", "not a whole number", "several numbers", "unclear", "truncated"
]  # fmt: skip

LOWEST, HIGHEST = 1, 5
# Only the end of a longer reply is read: the answer is there, and no pattern runs over megabytes.
MAX_CHARACTERS = 20_000
# A line that is nothing but a rating is short; the pattern for it is not run over longer ones.
MAX_LINE = 80
# What stands before a number and may say that it is the rating.
MAX_BEFORE = 80
# More digits decide nothing, and `int` refuses thousands of them.
MAX_DIGITS = 20
# Of endless equal numbers or braces only the last are looked at.
MAX_TRIES = 100


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
IN_PROSE = re.compile(
    rf"(?<![\w.,])(?P<value>{NUMBER}|(?:{'|'.join(PROSE_WORDS)}|one)\b)"
    r"(?:\s*(?:/|von|aus|(?:out\s+)?of)\s*(?P<top>\d+|five|fünf|ten|zehn)\b)?(?!\w|[.,]\d)",
    re.IGNORECASE,
)
# What may follow a number that is the rating; a noun may not ("two sides", "3 years", "4%").
_STOP = r"[*_`\"']*\s*(?:$|[\n.!;,:()\[\]}=<–—]|-(?!\w)"
_WHY = r"|(?:because|since|weil|da|denn|points?|punkte?n?|stars?|sternen?)\b"
# "five points to make" are arguments.
_NO_NOUN = r"(?!\s*(?:points?|punkte?)\s+(?:to|that|about|i|we|zu)\b)\s*"
LEADING = re.compile(
    rf"{_NO_NOUN}{_STOP}{_WHY}|(?:very|rather|not|neutral|somewhat|sehr|eher|gar|ziemlich)\b)",
    re.IGNORECASE,
)
PLAIN = re.compile(
    rf"{_NO_NOUN}{_STOP}{_WHY}|(?:for|as|on|in|at|given|based|due|here|and|but|so|with|für|auf|"
    r"or(?!\s+more)|oder(?!\s+mehr)|hier|aufgrund|wegen|und|aber|bei|vergeben|geben|sagen|wählen|bewerten|einschätzen)\b)",
    re.IGNORECASE,
)
CUED_AFTER = re.compile(
    rf"{_NO_NOUN}(?:points?|punkte?n?|stars?|sternen?|vergeben|geben|sagen|wählen)\b",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"(?:\bnot|n't|\bnever|\bnicht|\bkein\w*|\bnie|(?:more|less|higher|lower)\s+than|"
    r"(?:mehr|weniger|höher|niedriger)\s+als|\bage\s*:|\balter\s*:|children\s*:|kinder\s*:)"
    r"\s*(?:an?\s+|eine?\s+)?$",
    re.IGNORECASE,
)
LINE_START = re.compile(r"(?:^|\n)[\s*_`\"'>#(\[-]*$")
_LINK = (
    r"is|be|as|with|of|a|an|at|to|it|them|him|her|rather|clear|ist|mit|von|eine?[nrs]?|klare[snr]?|"
    r"auf|als|lautet|wäre|beträgt|ihr|ihm|eher|rating|score|bewertung|note|wert|"
    r"person|so|therefore|hence|also|daher|deshalb"
)
CUED_BEFORE = re.compile(
    # a colon; "Sorry, 4", "but 4", "definitely a four"
    r"(?:[:=,→(]|\s[-–—]|\b(?:but|aber|maybe|perhaps|probably|definitely|vielleicht|wohl|etwa|think|"
    r"denke|finde|an?|eine?[nr]?)\b"
    r"|\b(?:rating|score|answer|bewertung|antwort|urteil|einschätzung|"
    r"i(?:\s+would|'d|\s+will|'ll)?\s+(?:give|choose|say|pick|rate|select|assign|answer|go\s+with)|"
    r"ich\s+(?:würde|gebe|wähle|sage|vergebe|bewerte|beurteile|antworte|nehme|schätze)|"
    r"(?:gebe|wähle|sage|vergebe|bewerte|würde)\s+ich)\b"
    # directly after the cue, or after a few words of which the last links to a number
    rf"(?:(?:[\s:=*_`\"',]+[^\s.!?;]+){{0,5}}[\s:=*_`\"',]+(?:{_LINK}|sagen))?"
    r")[\s:=*_`\"',(]*$",
    re.IGNORECASE,
)
LOOSE_KEY = re.compile(
    r"(?<=[{,\s\"'“”])rating[\"'“”]?\s*[:=]\s*[\"'“”]?(?P<value>[^\s,}\"'“”]+)", re.IGNORECASE
)
FENCE = re.compile(r"```[\w-]*")
_FAIR = r"(?:appropriate|possible|fair|right|ethical|responsible|okay)"
_UNFAIR = r"(?:inappropriate|impossible|unfair|unethical|irresponsible|wrong\s+to)"
_JUDGE = (
    r"(?:beantwort|beurteil|bewert|schätz|einstuf|einzustuf|sagen|ableit|bestimm|feststell|"
    r"schließen|entscheid|treffen|urteil)"
)
_UNMÖGLICH = (
    r"(?:nicht\s+(?:\w+\s+)?(?:möglich|angemessen|fair|zulässig|sinnvoll)|"
    r"unmöglich|unangemessen|unfair|unangebracht|unzulässig)"
)
# The first "nicht" of the clause counts (atomic group), or the pattern would not be linear.
_NICHT = r"(?>[^.!?:;\n]{0,100}?\b(?:nicht|kein\w*)\b)"
REFUSAL = re.compile(
    r"\b(?:i\s+(?:(?:really|simply|just|honestly)\s+)?(?:can(?:no|')t|can\s+not|won't|will\s+not|"
    r"must\s+decline|have\s+to\s+decline|decline|refuse|prefer\s+(?:not|to\s+not))\b|"
    r"i(?:\s+am|'m)\s+(?:unable|unwilling|uncomfortable|sorry|"
    r"not\s+(?:\w+\s+)?(?:able|comfortable|going\s+to|willing|in\s+a\s+position))\b|"
    r"i(?:\s+would|'d)\s+(?:rather|prefer)\s+(?:not|to\s+not)\b|"
    r"i(?:\s+would|'d)\s+prefer\s+not\b|"
    r"i\s+(?:do\s+not|don't)\s+(?:feel\s+(?:\w+\s+)?(?:comfortable|able)|rate\b|judge\b|"
    r"have\s+(?:enough|sufficient)|"
    r"(?:think|believe)\s+(?:that\s+)?(?:(?:it|this|that)(?:'s|\s+is|\s+would\s+be)\s+"
    rf"{_FAIR}|i\s+(?:can|should|could))\b)|"
    r"as\s+an?\s+(?:ai|(?:large\s+)?language\s+model|llm)\b|"
    rf"(?:it|this|that)(?:'s|\s+is|\s+would)(?:\s+not|n't)\s+(?:be\s+)?{_FAIR}\b|"
    rf"(?:it|this|that)(?:'s|'d|\s+is|\s+would)\s+(?:be\s+)?{_UNFAIR}\b|"
    r"(?:rating|judging|judge?ment|assessment|assessing|evaluating)\s+[^.!?\n]{0,60}?\b"
    rf"(?:not\s+(?:be\s+)?{_FAIR}|{_UNFAIR})\b|"
    r"(?:im|not\s+)possible\s+to\s+(?:say|tell|judge|rate|know|assess|determine|evaluate)\b|"
    r"(?:cannot|can't|can\s+not)\s+be\s+(?:judged|determined|assessed|rated|answered|inferred)\b|"
    rf"(?:(?:ich\s+(?:kann|möchte|werde|darf|will)|(?:kann|möchte|werde|darf|will)\s+ich)\b{_NICHT}"
    rf"(?:\s*(?:[.!,\"]|$)|[^.!?\n]{{0,80}}?(?:{_JUDGE}|helfen|geben|machen|äußer|nennen)))|"
    rf"lässt\s+sich\b{_NICHT}[^.!?\n]{{0,60}}?{_JUDGE}|"
    rf"kann\b{_NICHT}\s+(?:\w+\s+){{0,3}}?(?:be|ein)\w+t\s+werden|"
    r"(?:ich\s+bin|bin\s+ich)\s+(?:\w+\s+)?(?:nicht\s+in\s+der\s+lage|außerstande)|"
    r"(?:ich\s+fühle\s+mich|fühle\s+ich\s+mich)\s+(?:\w+\s+){0,3}?(?:nicht\s+wohl|unwohl)|"
    r"ich\s+(?:bewerte|beurteile)\s+(?:\w+\s+){0,3}?(?:nicht|keine)\b|"
    r"ich\s+(?:würde|möchte)\s+(?:\w+\s+){0,4}?lieber\s+(?:nicht|kein\w*)\b|"
    r"ich\s+habe\s+(?:\w+\s+)?(?:nicht\s+(?:genug|genügend)|keine\s+(?:ausreichend|genügend))|"
    r"als\s+(?:(?:eine?|großes|ki-?)\s+)*(?:ki\b|sprachmodell)|"
    r"(?:es|das|dies|bewertung|beurteilung|einschätzung|aussage|antwort|urteil)\s+"
    rf"(?:(?!nicht\b)\w+\s+){{0,3}}?(?:ist|wäre)\s+(?:(?!nicht\b)\w+\s+){{0,3}}?{_UNMÖGLICH}\b|"
    rf"(?:ist|wäre)\s+(?:es|das|dies)\s+(?:(?!nicht\b)\w+\s+){{0,3}}?{_UNMÖGLICH}\b|"
    rf"ich\s+halte\s+(?:\w+\s+){{0,4}}?für\s+{_UNMÖGLICH}\b|"
    r"(?:ich\s+(?:lehne|verweigere)|(?:lehne|verweigere)\s+ich)\b)"
    r"|(?:^|[\n.!\"'])\s*sorry\b|(?<!er\s)(?<!sie\s)\btut\s+mir\s+(?:sehr\s+)?leid\b",
    re.IGNORECASE,
)
# An object that can hold a key.
OBJECT = re.compile(r"\{\s*\"")
ENDLESS_DIGITS = re.compile(rf"(\d{{{MAX_DIGITS}}})\d+")


@dataclass(frozen=True)
class _Mention:
    """A number in prose: whether it counts nothing else, and whether a cue makes it the rating."""

    value: float
    word: bool
    plain: bool
    cued: bool


class _DuplicateKey(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key.strip().lower() for key, _ in pairs]
    if keys.count("rating") > 1:
        raise _DuplicateKey
    return dict(zip(keys, (value for _, value in pairs), strict=True))


def _tidy(text: str) -> str:
    """One form for digits, quotes and white space, at most `MAX_CHARACTERS` long."""
    text = unicodedata.normalize("NFKC", text[-MAX_CHARACTERS:])[-MAX_CHARACTERS:]
    # A dotless i matches "i" where case is ignored, and is no key of WORDS.
    for odd, plain in (("’", "'"), ("−", "-"), ("ı", "i"), ("İ", "I")):
        text = text.replace(odd, plain)
    text = ENDLESS_DIGITS.sub(r"\1", FENCE.sub("\n", text))
    return "\n".join(line for part in text.splitlines() if (line := " ".join(part.split())))


def _json_objects(text: str) -> list[dict[str, Any]] | None:
    """Every JSON object of the text that has the key `rating`; None for a duplicate key."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_int=float, strict=False)
    found: list[dict[str, Any]] = []
    end = 0
    for start in [match.start() for match in OBJECT.finditer(text)][-MAX_TRIES:]:
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(text, start)
        except _DuplicateKey:
            return None
        except (json.JSONDecodeError, RecursionError):
            continue
        if "rating" in value:
            found.append(value)
    return found


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
        if math.isnan(value):
            return ParsedRating("invalid", reason="no number")
        return _number(value)
    return _text(_tidy(str(value)))


def _mention(text: str, match: re.Match[str]) -> _Mention:
    before = text[max(0, match.start() - MAX_BEFORE) : match.start()]
    word = match["value"].lower()
    value = float(WORDS[word]) if word in WORDS else _float(word)
    plain = PLAIN.match(text, match.end()) is not None
    if match["top"] is not None:
        # "4/5" is a rating of 4; "8/10" is on another scale, which no number from 1 to 5 is.
        five = match["top"].lower() in ("5", "five", "fünf")
        value = value if five else float(HIGHEST + 1)
        return _Mention(value, word in WORDS, plain, plain or not five)
    cued = not NEGATED.search(before) and (
        CUED_AFTER.match(text, match.end()) is not None
        or (LINE_START.search(before) and LEADING.match(text, match.end())) is not None
        or (plain and CUED_BEFORE.search(before) is not None)
    )
    return _Mention(value, word in WORDS, plain, cued)


def _prose(text: str) -> tuple[ParsedRating, bool]:
    """Exactly one number in running text, mentions of the scale taken out first.

    Returns:
        What the text is worth, and whether a number in it could be meant as a rating.
    """
    ranges = len(RANGE.findall(text))
    rest = RANGE.sub(" ", text)
    # "one" is mostly a pronoun; only "one out of five" is a number.
    matches = [m for m in IN_PROSE.finditer(rest) if m["top"] or m["value"].lower() != "one"]
    mentions = [_mention(rest, match) for match in matches[-MAX_TRIES:]]
    meant = [m for m in mentions if m.cued or not m.word]
    if not meant:
        reason: Invalid = "several numbers" if ranges else "no number"
        return ParsedRating("invalid", reason=reason), False
    # Beside a number that is meant, every other one is a doubt ("I'd say two, three at most").
    if len({m.value for m in mentions}) > 1:
        return ParsedRating("invalid", reason="several numbers"), False
    parsed = _number(meant[0].value)
    if parsed.outcome == "rating" and not any(m.cued for m in meant):
        return ParsedRating("invalid", reason="unclear"), any(m.plain for m in meant)
    return parsed, parsed.outcome == "rating"


def _text(text: str) -> ParsedRating:
    lines = [line for line in text.splitlines() if line.strip()]
    alone = [parsed for line in lines if (parsed := _scalar(line)) is not None]
    # A reasoned answer ends in a line that is the rating. Several such lines with different
    # numbers are the scale read back, not an answer.
    if alone and len({p.rating for p in alone}) > 1:
        return ParsedRating("invalid", reason="several numbers")
    if alone and lines and _scalar(lines[-1]) is not None:
        return alone[-1]
    parsed, maybe = _prose(text)
    if REFUSAL.search(text):
        # "I cannot give more than 3" may be either; it is asked again rather than guessed.
        return ParsedRating("invalid", reason="unclear") if maybe else ParsedRating("refused")
    return parsed


def _from_json(objects: list[dict[str, Any]], text: str) -> ParsedRating:
    parsed = [_json_value(value["rating"]) for value in objects]
    if len(set(parsed)) > 1 or (len(parsed) > 1 and parsed[0].outcome == "invalid"):
        return ParsedRating("invalid", reason="several numbers")
    if parsed[0].reason == "no number":
        # The raw text may hold escapes for umlauts, the decoded values do not.
        said = [v for value in objects for v in value.values() if isinstance(v, str)]
        if any(REFUSAL.search(_tidy(part)) for part in [text, *said]):
            return ParsedRating("refused")
    return parsed[0]


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
    text, finished = without_thinking(text)
    if not finished:
        return ParsedRating("invalid", reason="truncated" if cut else "no number")
    text = _tidy(text)

    objects = _json_objects(text)
    if objects is None:
        return ParsedRating("invalid", reason="several numbers")
    if objects:
        return _from_json(objects, text)
    if cut and ("{" in text or not text):
        return ParsedRating("invalid", reason="truncated")
    loose = [_scalar(match["value"]) for match in LOOSE_KEY.finditer(text)]
    if "{" in text and loose:
        if len(set(loose)) > 1:
            return ParsedRating("invalid", reason="several numbers")
        if loose[0] is None and REFUSAL.search(text):
            return ParsedRating("refused")
        return loose[0] or ParsedRating("invalid", reason="no number")
    parsed_text = _text(text)
    if cut and parsed_text.outcome != "refused" and _scalar(text) is None:
        return ParsedRating("invalid", reason="truncated")
    return parsed_text
