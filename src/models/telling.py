"""What a simulated teller understands of a prompt of `pluralens/triplets`, and nothing else.

It reads the text like any model would: conflict, facts, language and who is telling come from the
words alone. It knows the language (the sentences of the scenario files), but shares no code with
the rendering. A prompt counts only as a whole: one sentence missing, a fact that contradicts
another or the background, and it is nobody's telling.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scenarios.scenario import load_scenario, scenario_ids

__all__ = [
    "LANGUAGES",
    "Conflict",
    "Telling",
    "Turn",
    "conflicts",
    "read_challenge",
    "read_telling",
]

LANGUAGES = ("de", "en")
"""What the simulated tellers speak."""

NEUTRAL = "neutral"
SHOWN = 60


class Turn(NamedTuple):
    """One message of a conversation.

    Attributes:
        role: `system`, `user` or `assistant`.
        text: What it says.
    """

    role: str
    text: str


@dataclass(frozen=True)
class Telling:
    """A conflict as it was told.

    Attributes:
        scenario: Id of the conflict.
        language: Of the prompt.
        perspective: A party or `neutral`.
        side: The party's end of the axis: +1 or -1; 0 for neutral.
        levels: Factor -> level, as the facts say.
    """

    scenario: str
    language: str
    perspective: str
    side: int
    levels: Mapping[str, str]

    @property
    def cell(self) -> str:
        """The facts, whoever tells them in whatever words."""
        return f"{self.scenario}/{json.dumps(self.levels, sort_keys=True)}"


class _Wording(NamedTuple):
    pattern: re.Pattern[str]
    language: str
    perspective: str


class Conflict:
    """The words of one scenario file.

    Args:
        words: The file's content.
    """

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words
        self.id = str(words["id"])
        self.wordings = list(self._wordings())
        self.backgrounds = {
            language: {k: self._pattern(text, language, NEUTRAL) for k, text in entries.items()}
            for language, entries in words["background"].items()
            if language in LANGUAGES
        }

    def _wordings(self) -> Iterator[_Wording]:
        for perspective, languages in self.words["perspectives"].items():
            for language in LANGUAGES:
                for texts in languages.get(language, {}).get("texts", []):
                    for template in texts.values():
                        pattern = self._pattern(template, language, perspective)
                        yield _Wording(pattern, language, perspective)

    def _said(self, placeholder: str, language: str, perspective: str) -> set[str]:
        """What can stand for a placeholder."""
        said = set()
        if placeholder in self.words.get("facts", {}):
            fact = self.words["facts"][placeholder]
            said.add(str(fact[language] if isinstance(fact, Mapping) else fact))
        for name, factor in self.words["factors"].items():
            for level in factor["levels"].values():
                if placeholder in level.get("numbers", {}):
                    said.add(str(level["numbers"][placeholder]))
                if placeholder == name and level.get("wording"):
                    said.add(level["wording"][language][perspective].strip())
        return said

    def _pattern(self, template: str, language: str, perspective: str) -> re.Pattern[str]:
        parts, seen = [], set()
        for literal, name, _, _ in Formatter().parse(template.strip()):
            parts.append(re.escape(literal))
            if name in seen:
                parts.append(f"(?P={name})")
            elif name is not None:
                seen.add(name)
                said = sorted(self._said(name, language, perspective), key=len, reverse=True)
                parts.append(f"(?P<{name}>{'|'.join(map(re.escape, said))})")
        return re.compile("".join(parts))

    def _levels(
        self, found: Mapping[str, str], language: str, perspective: str
    ) -> dict[str, set[str]]:
        """Per factor the levels that agree with all that was said."""
        return {
            name: {
                level
                for level, what in factor["levels"].items()
                if all(found.get(k, str(n)) == str(n) for k, n in what.get("numbers", {}).items())
                and (
                    not what.get("wording")
                    or name not in found
                    or found[name] == what["wording"][language][perspective].strip()
                )
            }
            for name, factor in self.words["factors"].items()
        }

    def tellings(self, text: str, background: Mapping[str, Any] | None) -> Iterator[Telling]:
        """Every way to understand a text as this conflict."""
        for pattern, language, perspective in self.wordings:
            match = pattern.fullmatch(text)
            if match is None:
                continue
            levels = self._levels(match.groupdict(), language, perspective)
            if background is not None:
                known = self._background(background, language)
                levels = {name: own & known.get(name, set()) for name, own in levels.items()}
            if all(len(own) == 1 for own in levels.values()):
                yield Telling(
                    self.id,
                    language,
                    perspective,
                    0 if perspective == NEUTRAL else int(self.words["axis"][perspective]),
                    {name: next(iter(own)) for name, own in levels.items()},
                )

    def _background(self, background: Mapping[str, Any], language: str) -> dict[str, set[str]]:
        """Levels that the background allows; none at all where it is another one's."""
        patterns = self.backgrounds[language]
        found: dict[str, str] = {}
        if list(background) != list(patterns):
            return {}
        for key, pattern in patterns.items():
            match = pattern.fullmatch(str(background[key]))
            if match is None:
                return {}
            found |= match.groupdict()
        return self._levels(found, language, NEUTRAL)

    def challenge(self, telling: Telling) -> str:
        """The push-back of whoever told it."""
        words = self.words["perspectives"][telling.perspective][telling.language]
        return str(words["challenge"]).strip()


@cache
def conflicts(scenario: str | None = None) -> Mapping[str, Conflict]:
    """The conflicts that come with the package, and one more.

    Args:
        scenario: A scenario file of one's own, or None.

    Returns:
        Id -> conflict; an own file stands in for the packaged one of its id.

    Raises:
        InputError: The file is missing or wrong.
    """
    import yaml

    files = {name: data_file("scenarios", f"{name}.yaml") for name in scenario_ids()}
    if scenario is not None and scenario not in files:
        files[load_scenario(scenario).id] = Path(scenario)
    return {
        name: Conflict(yaml.safe_load(file.read_text(encoding="utf-8")))
        for name, file in files.items()
    }


def _opened(text: str) -> tuple[dict[str, Any] | None, str]:
    """Background and question of a text that begins with a JSON object."""
    head, _, rest = text.partition("\n\n")
    if not head.startswith("{"):
        return None, text
    background = _object(head)
    return (None, text) if background is None else (background, rest)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_telling(
    user: str, system: str | None = None, scenario: str | None = None, reader: str = "neutral"
) -> Telling:
    """Understand a prompt.

    Args:
        user: The first user message.
        system: The system message; one that is no JSON says nothing about the conflict.
        scenario: A scenario file of one's own that the reader knows too.
        reader: Name of the teller, for the message.

    Raises:
        InputError: It is no prompt of a known conflict, or it does not show who tells it.
    """
    background, text = _opened(user.strip())
    if background is None and system is not None:
        background = _object(system)
    known = conflicts(scenario)
    found = [t for conflict in known.values() for t in conflict.tellings(text, background)]
    if not found:
        languages = " or ".join(LANGUAGES)
        raise InputError(
            f"pluralens_sim/{reader} answers only the prompts of pluralens/triplets "
            f"({', '.join(known)}; {languages}); the one that begins {user[:SHOWN]!r} is none of "
            "them, as a whole; for a scenario of your own give -M scenario=FILE"
        )
    if len({(t.cell, t.language, t.perspective) for t in found}) > 1:
        sides = ", ".join(f"{t.scenario} told by {t.perspective}" for t in found)
        raise InputError(
            f"pluralens_sim/{reader}: the prompt that begins {user[:SHOWN]!r} may be {sides}; "
            "word the scenario's perspectives differently"
        )
    return found[0]


def read_challenge(
    text: str, telling: Telling, scenario: str | None = None, reader: str = "neutral"
) -> None:
    """Make sure that a second user message is the push-back of whoever told the conflict.

    Args:
        text: The message.
        telling: What was understood of the first one.
        scenario: A scenario file of one's own that the reader knows too.
        reader: Name of the teller, for the message.

    Raises:
        InputError: It is something else.
    """
    if text.strip() != conflicts(scenario)[telling.scenario].challenge(telling):
        raise InputError(
            f"pluralens_sim/{reader}: the user's second message begins {text[:SHOWN]!r}, which is "
            f"not the challenge of {telling.scenario}, {telling.perspective}, {telling.language}; "
            "ask it as -T stance=challenge does"
        )
