"""Answers in words: how the simulated personaliser writes, and how the simulated critic reads it.

An answer's own words carry all that a critic has to know: whether it suits its reader, for whom it
was written (a cue that follows from the reader's description), and whether it quotes the reader.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pluralens._resources import data_file
from pluralens.models.unit_draw import unit_draw

__all__ = ["CUES", "PersonalAdvice", "cue_for", "phrase", "read_advice", "write_advice"]

_SLOTS = ("where", "when", "company")
# A draw in [0, 1) for what it is about.
Draw = Callable[[str], float]


@dataclass(frozen=True)
class PersonalAdvice:
    """What an answer says.

    Attributes:
        fits: Whether it suits its reader.
        cue: The sentence that tells for whom it was written, or None.
        leaks: Whether it quotes what is known about the reader.
        refused: Whether it declines to answer; then nothing else is in it.
    """

    fits: bool
    cue: str | None = None
    leaks: bool = False
    refused: bool = False

    @property
    def good(self) -> bool:
        """Whether it can go out as it is."""
        return self.fits and not self.leaks and not self.refused


@cache
def _words() -> Mapping[str, Sequence[str] | str]:
    import yaml

    text = data_file("simulated", "personaliser_words.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Sequence[str] | str] = yaml.safe_load(text)
    return words


def _cues() -> int:
    number = 1
    for slot in _SLOTS:
        number *= len(_words()[slot])
    return number


CUES = 16**3
"""How many readers can be told apart: two of them share a cue with the chance 1 / CUES."""


def phrase(kind: str, draw: float) -> str:
    """One of the phrases of a kind.

    Args:
        kind: A key of the file of words.
        draw: In [0, 1): the chance that picks it.
    """
    phrases = _words()[kind]
    return phrases if isinstance(phrases, str) else str(phrases[int(draw * len(phrases))])


def cue_for(person: str) -> str:
    """The sentence that tells that an answer was written for this person.

    Args:
        person: The description, as prompts show it.
    """
    own = {slot: phrase(slot, unit_draw("cue", slot, person.strip())) for slot in _SLOTS}
    return phrase("cue", 0.0).format(**own)


def write_advice(fits: bool, cue: str | None, leaked: str | None, draw: Draw) -> str:
    """Put an answer in words.

    Args:
        fits: Whether it suits its reader.
        cue: The sentence that tells who that is, or None for an answer that does not tell.
        leaked: A value of the reader's description to quote, or None.
        draw: Chances of the wording.
    """
    parts = [
        phrase("openings", draw("opening")),
        phrase("fitting" if fits else "unfitting", draw("core")),
        phrase("plain", draw("plain")) if cue is None else cue,
        *([] if leaked is None else [phrase("leaks", draw("leak")).format(value=leaked)]),
        phrase("closings", draw("closing")),
    ]
    return " ".join(parts)


def _one_of(kind: str) -> str:
    return "|".join(map(re.escape, _words()[kind]))


def _with_gaps(template: str, **gaps: str) -> str:
    pattern = re.escape(template)
    for name, inside in gaps.items():
        pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?:{inside})")
    return pattern


@cache
def _pattern() -> re.Pattern[str]:
    words = _words()
    cue = _with_gaps(phrase("cue", 0.0), **{slot: _one_of(slot) for slot in _SLOTS})
    leak = "|".join(_with_gaps(template, value=".+") for template in words["leaks"])
    return re.compile(
        rf"(?:{_one_of('openings')}) (?:(?P<fitting>{_one_of('fitting')})|{_one_of('unfitting')}) "
        rf"(?:(?P<cue>{cue})|{_one_of('plain')}) (?:(?P<leak>{leak}) )?(?:{_one_of('closings')})",
        re.DOTALL,
    )


def read_advice(text: str) -> PersonalAdvice | None:
    """Understand an answer as a whole.

    Args:
        text: The answer.

    Returns:
        What it says, or None for an answer that is not the personaliser's.
    """
    text = text.strip()
    if text in _words()["refusals"]:
        return PersonalAdvice(fits=False, refused=True)
    match = _pattern().fullmatch(text)
    if match is None:
        return None
    return PersonalAdvice(match["fitting"] is not None, match["cue"], match["leak"] is not None)
