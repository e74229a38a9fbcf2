"""What the simulated respondent understands of a Likert prompt, and nothing else.

It reads the text like any model would: persona, adjective, direction of the scale and answer form
come from the words alone. It knows the language (the same label and wording files that prompts are
made of), but shares no code with the rendering, so a persona attribute that never reaches the
prompt has no effect, and a scale that is not really reversed is not answered as if it were.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pluralens._resources import data_file
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["Question", "read_persona", "read_question"]

LANGUAGES = ("de", "en")


@dataclass(frozen=True)
class Question:
    """One understood question.

    Attributes:
        language: `de` or `en`.
        persona: The text about the person, up to the first blank line.
        adjective: The adjective asked about.
        reversed_order: Whether 1 means "very".
        wants_json: Whether JSON is asked for.
        wants_reason: Whether a reason is asked for.
    """

    language: str
    persona: str
    adjective: str
    reversed_order: bool
    wants_json: bool
    wants_reason: bool


@cache
def _words(language: str) -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", f"likert.{language}.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Any] = yaml.safe_load(text)
    return words


@cache
def _scale_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    scale = _words(language)["scale"]

    def pattern(number: int, text: str) -> re.Pattern[str]:
        words = re.escape(text).replace(re.escape("{adjective}"), "(?P<adjective>.+)")
        return re.compile(rf"^\W*{number}\W+{words}\s*$", re.MULTILINE)

    return pattern(1, scale[0]), pattern(1, scale[-1])


def read_question(text: str) -> Question:
    """Understand a user message.

    Raises:
        InputError: If it is no Likert question in a language that the respondent knows.
    """
    persona, _, rest = text.partition("\n\n")
    for language in LANGUAGES:
        normal, upside_down = _scale_patterns(language)
        match = normal.search(rest) or upside_down.search(rest)
        if match is None:
            continue
        instructions = _words(language)["instructions"]
        asked = rest.rsplit("\n\n", 1)[-1].strip()
        return Question(
            language=language,
            persona=persona,
            adjective=match["adjective"],
            reversed_order=normal.search(rest) is None,
            wants_json="{" in asked,
            wants_reason=asked in (instructions["json_rationale"], instructions["text_rationale"]),
        )
    raise InputError(
        "the simulated respondent answers only the persona Likert questions of pluralens/likert; "
        "this prompt holds no numbered scale that it knows"
    )


@cache
def _bio_words(language: str) -> Mapping[str, str]:
    import yaml

    text = data_file("templates", f"description.{language}.yaml").read_text(encoding="utf-8")
    words: Mapping[str, str] = yaml.safe_load(text)["bio"]
    return words


@cache
def _label_index(
    population: "Population", language: str
) -> dict[str, tuple[re.Pattern[str], dict[str, str | int]]]:
    """Per attribute: where its label stands in any style, and label text -> value."""
    index: dict[str, tuple[re.Pattern[str], dict[str, str | int]]] = {}
    for attribute in population.attributes:
        values = {population.label(attribute, v, language): v for v in population.values(attribute)}
        texts = "|".join(re.escape(text) for text in sorted(values, key=len, reverse=True))
        label = re.escape(population.attribute_label(attribute, language))
        forms = [rf"(?:^|[.;:] |\n){label}: (?P<listed>{texts})(?=$|[.;]|\n)"]
        if attribute in _bio_words(language):
            before, after = _bio_words(language)[attribute].split("{value}")
            forms.append(rf"{re.escape(before)}(?P<told>{texts}){re.escape(after)}")
        index[attribute] = (re.compile("|".join(forms)), values)
    return index


def read_persona(text: str, population: "Population", language: str) -> dict[str, str | int]:
    """Attributes that stand in the text, derived ones added.

    Args:
        text: The description of the person.
        population: Whose labels the reader knows.
        language: Language of the text.

    Returns:
        Attribute -> value; what the text does not say is missing.
    """
    found: dict[str, str | int] = {}
    for attribute, (pattern, values) in _label_index(population, language).items():
        match = pattern.search(text)
        if match is not None:
            groups = match.groupdict()
            found[attribute] = values[groups["listed"] or groups["told"]]
    return found | population.derive(found)
