"""The form of a scenario file, field by field; `pluralens.scenarios.loading` describes the whole.

Only the form is checked here. What needs other parts of the file (is the placeholder declared, is
every language there) is checked in `pluralens.scenarios.loading` and its neighbours.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["FactorSpec", "LevelSpec", "PartySpec", "ScenarioSpec", "TellingSpec"]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# No hyphen: it separates the levels of a cell's id.
LevelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ByLanguage = dict[Language, Text]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PartySpec(_Spec):
    """One of the two parties.

    `outcome` says what it means that this party gets its way; `role_words` are the nouns that
    would declare a role, with their inflected forms.
    """

    noun: ByLanguage
    outcome: ByLanguage
    role_words: dict[Language, list[Text]]


class LevelSpec(_Spec):
    """A level: numbers for placeholders, sentences per language and perspective, or both."""

    label: ByLanguage
    numbers: dict[Name, int] = {}
    wording: dict[Language, dict[Name, Text]] = {}


class FactorSpec(_Spec):
    """What varies over the cells of a scenario."""

    label: ByLanguage
    levels: dict[LevelName, LevelSpec] = Field(min_length=2)


class TextsSpec(_Spec):
    """One paraphrase, told plainly and told with feeling."""

    plain: Text
    emotional: Text


class TellingSpec(_Spec):
    """A perspective in one language: what is asked, and the push-back after the answer."""

    challenge: Text
    texts: list[TextsSpec]


class ScenarioSpec(_Spec):
    """A whole scenario file."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: Text
    languages: list[Language] = Field(min_length=1)
    label: ByLanguage
    parties: dict[Name, PartySpec] = Field(min_length=2, max_length=2)
    axis: dict[Name, int]
    facts: dict[Name, Any] = {}
    views: dict[Name, Name]
    factors: dict[Name, FactorSpec] = Field(min_length=2)
    background: dict[Language, dict[Name, Text]]
    case: ByLanguage
    paraphrases: list[Literal["open", "plus", "minus"]] = Field(min_length=3)
    perspectives: dict[Name, dict[Language, TellingSpec]]
