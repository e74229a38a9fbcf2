"""A stereotype, an anti-stereotype and an unrelated sentence about one target."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from pluralens.errors import InputError

__all__ = ["BLANK", "DOMAINS", "KINDS", "LABELS", "Form", "Kind", "RawTriplet", "Triplet"]
__all__ += ["form_of", "make_triplet"]

Kind = Literal["intrasentence", "intersentence"]
Form = Literal["sentences", "words"]

BLANK = "BLANK"
DOMAINS = ("gender", "race", "religion", "profession")
KINDS: tuple[Kind, ...] = ("intrasentence", "intersentence")
LABELS = ("stereotype", "anti-stereotype", "unrelated")


@dataclass(frozen=True)
class Triplet:
    """One item of a context association test (Nadeem, Bethke & Reddy 2021).

    Attributes:
        id: Unique within its set.
        domain: `gender`, `race`, `religion` or `profession`.
        target: The term that the stereotype is about; scores are averaged per target.
        context: With `BLANK` where the words go (intrasentence), or the sentence before.
        stereotype: Full text.
        anti_stereotype: Full text.
        unrelated: Full text, without meaning in its context.
        kind: `intrasentence` or `intersentence`.
        words: What differs, in the order of `LABELS`: the words, or the second sentences.
        around: What stands before and after the words, the same in all three texts; None where
            there is no such place (see `no_place`).
        counterpart: The target of the counterfactual twin, where there is one.
    """

    id: str
    domain: str
    target: str
    context: str
    stereotype: str
    anti_stereotype: str
    unrelated: str
    kind: Kind
    words: tuple[str, str, str]
    around: tuple[str, str] | None
    counterpart: str | None = None

    @property
    def sentences(self) -> tuple[str, str, str]:
        """The full texts in the order of `LABELS`."""
        return self.stereotype, self.anti_stereotype, self.unrelated

    @property
    def no_place(self) -> str | None:
        """Why there is no one place at which the texts differ; None where there is one."""
        if self.around is not None:
            return None
        if self.context.count(BLANK) > 1:
            return "the blank stands more than once in the context"
        return "the sentences differ outside the blank"


@dataclass(frozen=True)
class RawTriplet:
    """A row as it was found.

    Attributes:
        place: How errors call the row, such as `my.jsonl, line 3`.
        id: As in `Triplet`, as are `domain`, `target`, `context` and `kind`.
        texts: Sentence or word per label of `LABELS`.
    """

    place: str
    id: str
    domain: str
    target: str
    context: str
    kind: Kind
    texts: Mapping[str, str]
    counterpart: str | None = None


class _Filled(NamedTuple):
    before: str
    word: str
    after: str


def form_of(rows: list[RawTriplet]) -> Form:
    """Whether the rows hold whole sentences or only the words for the blank.

    It is one or the other for all rows: a row read in the wrong form would be scored as a sentence
    that nobody wrote.

    Raises:
        InputError: Some rows hold the one and some the other.
    """
    whole: list[tuple[RawTriplet, str]] = []
    single: list[tuple[RawTriplet, str]] = []
    for row in rows:
        # A context without a letter beside the blank tells nothing: "BLANK." and "Love."
        if row.kind == "intersentence" or not re.search(r"\w", row.context.replace(BLANK, "")):
            continue
        for label in LABELS:
            found = _fill(row.context, row.texts[label])
            (single if found is None else whole).append((row, label))
    if not single:
        return "sentences"
    if not whole:
        return "words"
    if len(whole) >= len(single):
        row, label = single[0]
        raise InputError(
            f"{row.place}: {label} {row.texts[label]!r} does not repeat the context around "
            f"{BLANK}; write the whole sentence, as in the other lines"
        )
    row, label = whole[0]
    raise InputError(
        f"{row.place}: {label} is a whole sentence, but other lines hold single words; write the "
        "word alone"
    )


def make_triplet(row: RawTriplet, form: Form) -> Triplet:
    """Check a row and make the triplet.

    Args:
        row: The row.
        form: What its texts are, see `form_of`.

    Raises:
        InputError: The domain is unknown, a text is empty, there is no blank, two texts are the
            same, or a sentence does not repeat its context.
    """
    if row.domain not in DOMAINS:
        raise InputError(
            f"{row.place}: bias_type {row.domain!r} is unknown; use {', '.join(DOMAINS)}"
        )
    for label in LABELS:
        if not row.texts[label].strip():
            raise InputError(f"{row.place}: {label} is empty; fill it in or delete the line")
    if row.kind == "intersentence":
        words = _distinct(row, [row.texts[label].strip() for label in LABELS])
        before = row.context.strip()
        full = [f"{before} {word}" for word in words]
        around: tuple[str, str] | None = (f"{before} ", "")
    else:
        filled = [_filled(row, label, form) for label in LABELS]
        words = _distinct(row, [one.word for one in filled])
        full = [one.before + one.word + one.after for one in filled]
        same = len({(one.before, one.after) for one in filled}) == 1
        once = row.context.count(BLANK) == 1
        around = (filled[0].before, filled[0].after) if same and once else None
    return Triplet(
        row.id,
        row.domain,
        row.target,
        row.context,
        full[0],
        full[1],
        full[2],
        row.kind,
        words,
        around,
        row.counterpart,
    )


def _filled(row: RawTriplet, label: str, form: Form) -> _Filled:
    text = row.texts[label]
    if BLANK not in row.context:
        raise InputError(
            f"{row.place}: the context {row.context!r} has no {BLANK}; put {BLANK} where the words "
            "differ, or add the key kind with the value intersentence"
        )
    if form == "words":
        before, _, after = row.context.partition(BLANK)
        return _Filled(before, text.strip(), after.replace(BLANK, text.strip()))
    found = _fill(row.context, text)
    if found is None:
        raise InputError(
            f"{row.place}: {label} {text!r} does not repeat the context around {BLANK}; correct "
            "the sentence or its context"
        )
    return found


def _fill(context: str, sentence: str) -> _Filled | None:
    """What stands for the blank; case is not compared, since StereoSet lowers some sentences."""
    match = _pattern(context).fullmatch(sentence)
    if match is None:
        return None
    start, end = match.span("word")
    return _Filled(sentence[:start], sentence[start:end], sentence[end:])


@lru_cache(maxsize=4)
def _pattern(context: str) -> re.Pattern[str]:
    before, *after = (re.escape(part) for part in context.split(BLANK))
    pattern = rf"{before}\s*(?P<word>\S|\S.*\S)\s*" + r"(?P=word)".join(after)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _distinct(row: RawTriplet, words: list[str]) -> tuple[str, str, str]:
    for i, j in ((0, 1), (0, 2), (1, 2)):
        if words[i].casefold() == words[j].casefold():
            raise InputError(
                f"{row.place}: {LABELS[i]} and {LABELS[j]} are the same ({words[i]!r}); write two "
                "different ones or delete the line"
            )
    return words[0], words[1], words[2]
