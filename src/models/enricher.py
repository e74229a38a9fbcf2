"""The simulated writer behind `pluralens_sim/enricher`: texts for the enrichment task, offline.

It reads the prompt and nothing else: language, limits and person come from the words. Every choice
is a hash of (seed, prompt), so the same prompt is answered alike in any order; a request seed draws
anew. Some of its first replies can be made to break a rule, each in one of the ways below.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.respondent import finite_number
from pluralens.models.unit_draw import unit_draw

__all__ = ["BREAKS", "PersonaWriter", "load_writer"]

KEYS = ("name", "appearance", "biography")

# How a reply can break a rule: (texts, the writer's words in the language) -> reply.
BREAKS: Mapping[str, Callable[[dict[str, str], Mapping[str, Any]], str]] = {
    "too long": lambda texts, words: _json(
        {**texts, "biography": " ".join([texts["biography"]] * 9)}
    ),
    "missing key": lambda texts, words: _json({k: v for k, v in texts.items() if k != "name"}),
    "unknown key": lambda texts, words: _json({**texts, "mood": "ruhig"}),
    "duplicate key": lambda texts, words: _json(texts)[:-1] + ', "name": "Ä"}',
    "not text": lambda texts, words: _json({**texts, "appearance": 5}),
    "empty": lambda texts, words: _json({**texts, "name": " \n "}),
    "no letters": lambda texts, words: _json({**texts, "name": "1984"}),
    "bad character": lambda texts, words: _json({**texts, "name": texts["name"] + "\u200b"}),
    "markup": lambda texts, words: _json({**texts, "name": f"<b>{texts['name']}</b>"}),
    "truncated": lambda texts, words: _json(texts)[:-30],
    "several objects": lambda texts, words: _json(texts) + "\n" + _json(texts),
    "refused": lambda texts, words: str(words["refusal"]),
    "no object": lambda texts, words: str(words["prose"]),
}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def _words() -> Mapping[str, Mapping[str, Any]]:
    import yaml

    text = data_file("simulated", "enricher.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return words


@cache
def _rules(language: str) -> Mapping[str, re.Pattern[str]]:
    """Per text: the line of the prompt that states its limit."""
    import yaml

    text = data_file("templates", f"enrichment.{language}.yaml").read_text(encoding="utf-8")
    lines = yaml.safe_load(text)["texts"]
    return {
        key: re.compile(re.escape(lines[key]).replace(re.escape("{limit}"), r"(\d+)"))
        for key in KEYS
    }


def _limits(prompt: str) -> tuple[str, dict[str, int]]:
    """Language and limits of a prompt.

    Raises:
        InputError: It is no prompt of the enrichment task.
    """
    for language in _words():
        found = {key: rule.search(prompt) for key, rule in _rules(language).items()}
        limits = {key: int(match[1]) for key, match in found.items() if match is not None}
        if len(limits) == len(KEYS):
            return language, limits
    raise InputError(
        "pluralens_sim/enricher writes only for pluralens/persona_enrichment; this prompt asks for "
        "no name, appearance and biography"
    )


@dataclass(frozen=True)
class PersonaWriter:
    """Writes texts for personas, and breaks rules as often as it is told to.

    Attributes:
        seed: Seed of everything it draws.
        invalid_rate: Share of prompts whose first reply breaks a rule.
        stubborn_rate: Share of those that break the rule again when asked again.
    """

    seed: int = 0
    invalid_rate: float = 0.0
    stubborn_rate: float = 0.0

    def reply(self, prompt: str, attempt: int = 0, request_seed: int | None = None) -> str:
        """Answer one user message.

        Args:
            prompt: The first user message of the conversation.
            attempt: How often it was answered before in this conversation.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: For a prompt of another task.
        """
        language, limits = _limits(prompt)
        texts = self._texts(_words()[language], prompt, request_seed)
        texts = {key: text[: limits[key]] for key, text in texts.items()}
        # How stubborn it is belongs to the prompt: the re-ask has a request seed of its own.
        invalid = unit_draw(self.seed, "invalid", prompt) < self.invalid_rate
        stubborn = unit_draw(self.seed, "stubborn", prompt) < self.stubborn_rate
        if not invalid or (attempt and not stubborn):
            return _json(texts)
        ways = tuple(BREAKS.values())
        return ways[int(unit_draw(self.seed, "way", prompt) * len(ways))](texts, _words()[language])

    def _texts(
        self, words: Mapping[str, Any], prompt: str, request_seed: int | None
    ) -> dict[str, str]:
        def one(kind: str) -> str:
            choices = words[kind]
            place = unit_draw(self.seed, kind, prompt, request_seed) * len(choices)
            return str(choices[int(place)])

        name = f"{one('given')} {one('family')}"
        biography = words["biography"].format(name=name, place=one("places"), hobby=one("hobbies"))
        return {"name": name, "appearance": one("looks"), "biography": biography}


def load_writer(seed: int = 0, **parameters: Any) -> PersonaWriter:
    """A writer with its parameters checked.

    Args:
        seed: Seed of everything it draws.
        **parameters: `invalid_rate` and `stubborn_rate`, each in [0, 1].

    Raises:
        InputError: A parameter is unknown or out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed={seed!r} must be a whole number")
    known = ("invalid_rate", "stubborn_rate")
    rates: dict[str, float] = {}
    for name, value in parameters.items():
        if name not in known:
            raise InputError(
                f"the simulated writer has no such option: unknown parameter {name!r}; known are "
                f"seed, latency, {', '.join(known)}"
            )
        rates[name] = finite_number(name, value)
        if not 0 <= rates[name] <= 1:
            raise InputError(f"{name}={value!r} must be a share from 0 to 1")
    return PersonaWriter(seed=seed, **rates)
