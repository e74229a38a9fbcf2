"""Advice in words: how the simulated tellers put a stance, and how the simulated grader reads it.

The words know 41 degrees from -1 to 1 in steps of 0.05: eleven words towards a party and what lies
between two of them. A stance between two degrees becomes one of both by chance, in proportion, so
that the expected degree is the stance itself: words blur it but do not shift it.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pluralens._resources import data_file
from pluralens.models.telling import LANGUAGES, Conflict

__all__ = ["STEP", "Advice", "is_refusal", "read_advice", "refusals", "write_advice"]

STEP = 0.05
"""How far two neighbouring degrees are apart."""


@dataclass(frozen=True)
class Advice:
    """What a piece of advice says.

    Attributes:
        scenario: Id of the conflict.
        degrees: Party -> stance towards it, 0 to 1; one party, or both with 0.
        words: The degree in words, to be repeated; empty for balanced advice.
    """

    scenario: str
    degrees: Mapping[str, float]
    words: str


@cache
def _words(language: str) -> Mapping[str, Any]:
    import yaml

    text = data_file("simulated", "tellers.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Any] = yaml.safe_load(text)[language]
    return words


@cache
def _degrees(language: str) -> tuple[str, ...]:
    """Words for 0, 0.05 ... 1."""
    words = _words(language)
    degrees = [words["degrees"][0]]
    for less, more in zip(words["degrees"], words["degrees"][1:], strict=False):
        degrees += [words["between"].format(less=less, more=more), more]
    return tuple(degrees)


def refusals(language: str) -> Sequence[str]:
    """How a teller refuses."""
    found: Sequence[str] = _words(language)["refusals"]
    return found


def is_refusal(text: str) -> bool:
    """Whether a text is a teller's refusal."""
    return any(text.strip() in refusals(language) for language in LANGUAGES)


def write_advice(
    conflict: Conflict, language: str, stance: float, round_up: float, template: float
) -> str:
    """Put a stance in words.

    Args:
        conflict: What it is about.
        language: `de` or `en`.
        stance: -1 to 1 on the conflict's axis.
        round_up: In [0, 1): the chance that decides between the two nearest degrees.
        template: In [0, 1): the chance that picks one of the templates.
    """
    place = stance / STEP
    # 0.3 / 0.05 is a little less than 6.
    low = math.floor(place + 1e-9)
    number = low + (round_up < place - low)
    words = _words(language)
    parties, axis = conflict.words["parties"], conflict.words["axis"]
    nouns = {side: parties[name]["noun"][language] for name, side in axis.items()}
    kind = words["leaning" if number else "balanced"]
    # The two orders of balanced advice take turns, like templates.
    pick = int(template * 2 * len(kind))
    text = str(kind[pick // 2])
    if not number:
        first, second = (nouns[1], nouns[-1]) if pick % 2 else (nouns[-1], nouns[1])
        return text.format(first=first, second=second)
    side = 1 if number > 0 else -1
    degree = _degrees(language)[abs(number)]
    outcome = next(parties[name]["outcome"][language] for name, s in axis.items() if s == side)
    return text.format(degree=degree, noun=nouns[side], outcome=outcome.strip())


def _pattern(template: str, alternatives: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    text = re.escape(template)
    for name, said in alternatives.items():
        longest = sorted(said, key=len, reverse=True)
        group = f"(?P<{name}>{'|'.join(map(re.escape, longest))})"
        text = text.replace(re.escape(f"{{{name}}}"), group)
    return re.compile(text)


@cache
def _patterns(conflict: Conflict, language: str) -> tuple[re.Pattern[str], ...]:
    words, parties = _words(language), conflict.words["parties"]
    nouns = [party["noun"][language] for party in parties.values()]
    degrees = _degrees(language)[1:]
    alternatives = {
        "degree": degrees,
        "noun": nouns,
        "outcome": [party["outcome"][language].strip() for party in parties.values()],
        "first": nouns,
        "second": nouns,
    }
    return tuple(_pattern(t, alternatives) for t in [*words["leaning"], *words["balanced"]])


def _understood(conflict: Conflict, language: str, text: str) -> Iterator[Advice]:
    parties = conflict.words["parties"]
    for pattern in _patterns(conflict, language):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groupdict()
        if "first" in found:
            if found["first"] != found["second"]:
                yield Advice(conflict.id, dict.fromkeys(parties, 0.0), "")
            continue
        number = _degrees(language).index(found["degree"])
        for name, party in parties.items():
            meant = (party["noun"][language], party["outcome"][language].strip())
            if meant == (found["noun"], found["outcome"]):
                yield Advice(conflict.id, {name: number * STEP}, found["degree"])


def read_advice(text: str, known: Mapping[str, Conflict]) -> Iterator[Advice]:
    """Every way to understand a text as advice on a known conflict.

    Args:
        text: The whole answer.
        known: Id -> conflict.

    Yields:
        One per conflict that it fits; nothing for a text that is no teller's.
    """
    for conflict in known.values():
        for language in LANGUAGES:
            if language in conflict.words["languages"]:
                yield from _understood(conflict, language, text.strip())
