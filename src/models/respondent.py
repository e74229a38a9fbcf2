"""The simulated Likert respondent: a latent model that reads prompts and writes replies.

Every random choice is a hash of (seed, what it is about), so the same prompt with the same request
seed is answered alike in any order and at any concurrency, and a different request seed draws
anew. Without request seeds the respondent is deterministic, like greedy decoding.
"""

import json
import math
import os
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.latent import UNIFORM_REACH, Effects, LatentModel, rating_probabilities
from pluralens.models.reading import LANGUAGES, Question, read_persona, read_question
from pluralens.models.unit_draw import unit_draw

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = [
    "LikertRespondent",
    "Reply",
    "finite_number",
    "lexicon",
    "load_latent",
    "load_respondent",
]

REFUSALS = {
    "de": "Es tut mir leid, aber das kann ich über eine Person nicht beurteilen.",
    "en": "I'm sorry, but I can't judge a person in this way.",
}
INVALID = {
    "de": ("Das kommt darauf an.", "7", "Zwischen 2 und 4.", "3.5"),
    "en": ("It depends.", "7", "Between 2 and 4.", "3.5"),
}
REASONS = {
    "de": "Nach den Angaben zur Person halte ich das für angemessen (simuliert).",
    "en": "Given what is known about the person this seems right (simulated).",
}


@dataclass(frozen=True)
class Reply:
    """What the respondent writes.

    Attributes:
        text: The reply.
        probabilities: Of writing 1-5, the order bias included; None when it does not rate.
    """

    text: str
    probabilities: tuple[float, ...] | None


def load_latent(
    effects: str | Path | None = None, **overrides: float
) -> tuple[LatentModel, "Population"]:
    """Read planted effects.

    Args:
        effects: A YAML file of the form of `datasets/simulated/likert.yaml`, or None for it.
        **overrides: Scalar parameters of `LatentModel` that replace the file's.

    Raises:
        InputError: For a file that cannot be read, an unknown key, attribute or value.
    """
    from pluralens.personas.population import load_population

    name, spec = _read_effects(effects)
    scalars = {f.name for f in fields(LatentModel)} - {"base", "effects"}
    unknown = sorted(set(spec) - scalars - {"base", "effects", "version", "population"}, key=str)
    if unknown:
        raise InputError(
            f"{name}: unknown parameter {unknown[0]!r}; "
            f"known are base, effects, population, version, {', '.join(sorted(scalars))}"
        )
    for parameter in overrides:
        if parameter not in scalars:
            raise InputError(
                f"the simulated respondent has no such option: unknown parameter {parameter!r}; "
                f"known are effects, seed, latency, logprobs, {', '.join(sorted(scalars))}"
            )
    source = spec.get("population", "de")
    if not isinstance(source, str):
        raise InputError(f"{name}: population={source!r} must be one id or folder, as text")
    population = load_population(source)
    base = spec["base"]
    if not isinstance(base, Mapping) or not base:
        raise InputError(f"{name}: base={base!r} must map at least one dimension -> points")
    numbers = {
        k: finite_number(f"{name}: {k}", v)
        for k, v in spec.items()
        if k in scalars and k not in overrides
    }
    numbers |= {k: finite_number(k, v) for k, v in overrides.items()}
    latent = LatentModel(
        base={str(k): finite_number(f"{name}: base.{k}", v) for k, v in base.items()},
        effects=_planted(name, spec.get("effects"), population),
        **numbers,
    )
    return latent, population


def _read_effects(effects: str | Path | None) -> tuple[str, Mapping[Any, Any]]:
    """What errors call the file, and its content."""
    import yaml

    if effects is not None and (not effects or not isinstance(effects, (str, os.PathLike))):
        raise InputError(f"effects={effects!r} must be the path of one YAML file, as text")
    file = data_file("simulated", "likert.yaml") if effects is None else Path(effects)
    name = "built-in effects" if effects is None else str(effects)
    try:
        spec = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read ({error}); give a readable YAML file") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" line {line + 1}"
        raise InputError(f"{name}:{where} is not valid YAML; correct it there") from None
    if not isinstance(spec, dict) or "base" not in spec:
        raise InputError(f"{name}: needs at least `base: {{dimension: points}}`")
    return name, spec


def finite_number(place: str, value: Any) -> float:
    """A finite number; text is taken too, because YAML reads `1e-2` as text.

    Args:
        place: What the number is called, for the message.
        value: The number.

    Raises:
        InputError: If it is none.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{place}={value!r} must be a finite number, for example 0.1")
    return number


def _planted(name: str, planted: Any, population: "Population") -> Effects:
    """Check effects against the population; their values and dimensions as text."""
    if planted is None:
        return {}
    if not isinstance(planted, Mapping):
        raise InputError(f"{name}: effects must map attribute -> value -> dimension -> points")
    found: dict[str, dict[str, dict[str, float]]] = {}
    for attribute, values in planted.items():
        if attribute not in population.all_attributes:
            raise InputError(
                f"{name}: effects.{attribute} is no attribute of the population; known are "
                f"{', '.join(population.all_attributes)}"
            )
        if not isinstance(values, Mapping):
            raise InputError(f"{name}: effects.{attribute} must map value -> dimension -> points")
        known = set(map(str, population.values(attribute)))
        own = found.setdefault(attribute, {})
        for value, points in values.items():
            place = f"{name}: effects.{attribute}.{value}"
            if str(value) not in known:
                raise InputError(
                    f"{place} is no value of {attribute}; write one of its codes, not a label"
                )
            if str(value) in own:
                raise InputError(f"{place} is given twice, as number and as text; keep one")
            if not isinstance(points, Mapping):
                raise InputError(f"{place} must map dimension -> points")
            own[str(value)] = {str(d): finite_number(f"{place}.{d}", p) for d, p in points.items()}
    return found


def load_respondent(
    effects: str | Path | None = None, seed: int = 0, **overrides: float
) -> "LikertRespondent":
    """A respondent with planted effects; see `load_latent` for arguments and errors."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed={seed!r} must be a whole number")
    latent, population = load_latent(effects, **overrides)
    return LikertRespondent(latent, population, seed)


class LikertRespondent:
    """Answers Likert prompts by a latent model that it applies to what it reads."""

    def __init__(self, latent: LatentModel, population: "Population", seed: int = 0) -> None:
        self.latent = latent
        self.population = population
        self.seed = seed
        self._read_persona = lru_cache(maxsize=4096)(self._understand)

    def _understand(self, text: str, language: str) -> dict[str, str | int]:
        return read_persona(text, self.population, language)

    def favourability(self, question: Question) -> tuple[float, int]:
        """Expected favourability (points, 1-5) and valence for one question."""
        dimension, valence = lexicon(question.language).get(question.adjective, ("", 1))
        latent = self.latent
        if dimension not in latent.base:
            dimension = next(iter(latent.base))
        persona = self._read_persona(question.persona, question.language)
        spread = 2 * UNIFORM_REACH
        return (
            latent.base[dimension]
            + latent.effect(persona, dimension)
            + (unit_draw(self.seed, "persona", question.persona) - 0.5) * spread * latent.persona_sd
            + (unit_draw(self.seed, "item", question.adjective) - 0.5) * spread * latent.item_sd,
            valence,
        )

    def reply(self, prompt: str, attempt: int = 0, request_seed: int | None = None) -> Reply:
        """Answer one user message.

        Args:
            prompt: The first user message of the conversation.
            attempt: How often the question was asked before in this conversation.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: For a prompt that is no Likert question.
        """
        question = read_question(prompt)
        key = (self.seed, prompt, attempt, request_seed)
        # A refusal is about the question; asking again does not change it.
        if unit_draw(self.seed, "refuse", prompt, request_seed) < self.latent.refusal_rate:
            return Reply(REFUSALS[question.language], None)
        if unit_draw(*key, "invalid") < self.latent.invalid_rate:
            texts = INVALID[question.language]
            return Reply(texts[int(unit_draw(*key, "which") * len(texts))], None)
        favourability, valence = self.favourability(question)
        written = self.latent.written(favourability, valence, question.reversed_order)
        probabilities = rating_probabilities(written, self.latent.noise)
        number = 1 + bisect_right(list(accumulate(probabilities[:-1])), unit_draw(*key, "rating"))
        return Reply(self._write(question, number), probabilities)

    def _write(self, question: Question, number: int) -> str:
        reason = REASONS[question.language]
        if question.wants_json:
            fields_ = {"rationale": reason} if question.wants_reason else {}
            return json.dumps({**fields_, "rating": number}, ensure_ascii=False)
        return f"{reason}\n{number}" if question.wants_reason else str(number)


@lru_cache
def lexicon(language: str) -> Mapping[str, tuple[str, int]]:
    """What the respondent knows of a language: its truth for an item is that of its adjective.

    Args:
        language: `de` or `en`.

    Returns:
        Adjective -> (dimension, valence). To an adjective that is missing the respondent applies
        the first dimension of `LatentModel.base`, and valence 1; so it does to the dimension of
        one that `base` does not have, with the adjective's own valence.

    Raises:
        InputError: For a language that it does not know.
    """
    import csv

    if language not in LANGUAGES:
        raise InputError(f"language={language!r} is unknown; choose one of {', '.join(LANGUAGES)}")
    text = data_file("adjectives", f"{language}.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return MappingProxyType(
        {row["adjective"]: (row["dimension"], int(row["valence"])) for row in rows}
    )
