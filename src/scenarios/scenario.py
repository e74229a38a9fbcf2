"""A two-party conflict as data: its parties, what varies, and the words for every perspective."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scenarios.relationship import relationship

__all__ = [
    "AFFECTS",
    "NEUTRAL",
    "Cell",
    "Factor",
    "Level",
    "Party",
    "Scenario",
    "Telling",
    "load_scenario",
    "scenario_ids",
]

NEUTRAL = "neutral"
AFFECTS = ("plain", "emotional")
# Language -> text.
Texts = Mapping[str, str]


@dataclass(frozen=True)
class Party:
    """One of the two parties.

    Attributes:
        id: Name in ids and results.
        side: Its end of the axis, +1 or -1.
        noun: What it is called, per language.
        outcome: What it means that it gets its way, per language.
        role_words: Words, per language, that no perspective of a party may hold.
    """

    id: str
    side: int
    noun: Texts
    outcome: Texts
    role_words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Level:
    """A level of a factor.

    Attributes:
        id: Name in ids and results.
        label: For reports, per language.
        numbers: Placeholder -> number.
        wording: Language -> perspective -> sentences; empty for levels of numbers alone.
    """

    id: str
    label: Texts
    numbers: Mapping[str, int]
    wording: Mapping[str, Texts]


@dataclass(frozen=True)
class Factor:
    """What varies over the cells; `levels` in the order of the file."""

    id: str
    label: Texts
    levels: Mapping[str, Level]


@dataclass(frozen=True)
class Telling:
    """The words of one perspective in one language.

    Attributes:
        challenge: The user's second turn, which doubts whatever was answered.
        texts: Per paraphrase: affect -> template.
    """

    challenge: str
    texts: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """One combination of levels: a triplet.

    Attributes:
        id: For example `rent/050-economy-good-good`.
        levels: Factor -> level.
        relationship: See `pluralens.scenarios.relationship`.
    """

    id: str
    levels: Mapping[str, str]
    relationship: str


@dataclass(frozen=True)
class Scenario:
    """A conflict between two parties.

    Attributes:
        id: Its name.
        version: Changes when prompts do.
        languages: Languages of all texts.
        label: For reports, per language.
        plus: The party at +1.
        minus: The party at -1.
        facts: Placeholder -> language -> what it stands for; the same in every cell.
        views: Party -> factor that holds what it thinks of the other.
        factors: What varies, in the order of ids.
        background: Language -> key -> template, for the JSON of the context.
        case: The facts from nobody's side without a question, template per language.
        paraphrases: What each paraphrase asks for: `open` (what to do), `plus` (yes would side
            with the party at +1) or `minus` (yes would side with the other).
        perspectives: Perspective (the parties, then `neutral`) -> language -> words.
        digest: Hash of the file, 32 hexadecimal digits.
    """

    id: str
    version: str
    languages: tuple[str, ...]
    label: Texts
    plus: Party
    minus: Party
    facts: Mapping[str, Texts]
    views: Mapping[str, str]
    factors: Mapping[str, Factor]
    background: Mapping[str, Texts]
    case: Texts
    paraphrases: tuple[str, ...]
    perspectives: Mapping[str, Mapping[str, Telling]]
    digest: str

    @property
    def parties(self) -> tuple[Party, Party]:
        """The parties, +1 first."""
        return self.plus, self.minus

    def side(self, perspective: str) -> int:
        """Where a perspective stands: +1, -1, or 0 for the neutral one."""
        return {self.plus.id: 1, self.minus.id: -1, NEUTRAL: 0}[perspective]

    def cells(self) -> Iterator[Cell]:
        """All combinations of levels; the last factor changes fastest."""
        for levels in product(*(factor.levels for factor in self.factors.values())):
            chosen = dict(zip(self.factors, levels, strict=True))
            yield Cell(
                id=f"{self.id}/{'-'.join(levels)}",
                levels=chosen,
                relationship=relationship(
                    chosen[self.views[self.plus.id]],
                    chosen[self.views[self.minus.id]],
                    plus=self.plus.id,
                    minus=self.minus.id,
                ),
            )

    def fill(
        self, levels: Mapping[str, str], language: str, perspective: str
    ) -> dict[str, str | int]:
        """What the placeholders stand for in a cell.

        Args:
            levels: Factor -> level.
            language: One of `languages`.
            perspective: Whose wording of the levels.
        """
        values: dict[str, str | int] = {
            name: int(texts[language]) if texts[language].isdecimal() else texts[language]
            for name, texts in self.facts.items()
        }
        for name, factor in self.factors.items():
            level = factor.levels[levels[name]]
            values.update(level.numbers)
            if level.wording:
                values[name] = level.wording[language][perspective]
        return values


def scenario_ids() -> tuple[str, ...]:
    """Ids of the scenarios that come with the package."""
    folder = data_file("scenarios")
    if not folder.is_dir():
        return ()
    names = (file.name for file in folder.iterdir())
    return tuple(sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml")))


def load_scenario(source: str | Path) -> Scenario:
    """Load and check a scenario.

    Args:
        source: Id of a scenario that comes with the package, or a YAML file.

    Raises:
        InputError: There is none, or the file is wrong; one line that names file, line and key.
    """
    from pluralens.scenarios.loading import read_scenario

    ids = scenario_ids()
    if isinstance(source, str) and source in ids:
        return read_scenario(data_file("scenarios"), "datasets/scenarios", f"{source}.yaml")
    path = Path(source)
    if source and path.is_dir():
        raise InputError(f"scenario {str(source)!r} is a folder; name the YAML file in it")
    if not path.is_file():
        close = get_close_matches(str(source), ids, n=1)
        hint = f"the closest id is {close[0]!r}" if close else f"ids are {', '.join(ids)}"
        given = re.sub(r"\s+", " ", str(source))
        raise InputError(f"scenario {given!r} is neither an id nor a YAML file; {hint}")
    return read_scenario(path.parent, str(path.parent), path.name)
