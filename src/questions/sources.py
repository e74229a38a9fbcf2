"""Where questions and people come from: the package, the Hugging Face hub, or files of one's own.

`builtin`
    The questions of `datasets/questions/*.csv` in a language, and people of population `us`.
`hf`
    The questions of PRISM-Filter and the people of Synthetic-Personas; see
    `pluralens.questions.hub`.
a path
    A file of questions (people are then those of `builtin`), a file of questions and one of people
    with a comma between them, or a folder that holds `questions.*` and `personas.*`; see
    `pluralens.questions.own_files`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pluralens.errors import InputError
from pluralens.questions.cells import Cell
from pluralens.questions.person import Person
from pluralens.questions.question import Question

__all__ = ["BUILTIN", "HUB", "POPULATION", "People", "Source", "load_source"]

BUILTIN, HUB = "builtin", "hf"
HUB_LANGUAGE = "en"
# The population of the built-in people.
POPULATION = "us"


class People(Protocol):
    """The people of a source, drawn or listed."""

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """Attribute -> accepted spelling -> text as shown."""

    def everybody(self) -> tuple[Person, ...] | None:
        """All people, or None where they are drawn from a population without end."""

    def draw(self, n: int, seed: int) -> tuple[Person, ...]:
        """`n` people."""

    def within(self, cell: Cell, n: int, seed: int) -> tuple[Person, ...]:
        """People in a cell."""


@dataclass(frozen=True)
class Source:
    """Questions and people.

    Attributes:
        name: `builtin`, `hf` or the path.
        questions: All of them, in their order.
        attributes: Names of all attributes that people can have, in order.
        numeric: Those whose values are numbers.
        about: JSON values for the log: revisions, digests, version of the population, how many.
        pool: The people.
    """

    name: str
    questions: tuple[Question, ...]
    attributes: tuple[str, ...]
    numeric: frozenset[str]
    about: dict[str, Any] = field(hash=False)
    pool: People = field(repr=False)

    def people(self, n: int, seed: int) -> tuple[Person, ...]:
        """People by chance: drawn from the population, or taken from the list.

        Args:
            n: How many; the first ones of a larger n are those of a smaller one.
            seed: Same seed, same people.

        Raises:
            InputError: There are fewer.
        """
        return self.pool.draw(n, seed)

    def people_in(self, cell: Cell, n: int, seed: int) -> tuple[Person, ...]:
        """People in a cell: `n` drawn given the cell, or everybody on the list who is in it.

        Args:
            cell: The cell.
            n: How many to draw; a list gives everybody.
            seed: Of the draw. The same cell under another name gives the same people.

        Returns:
            Nobody where nobody can be.
        """
        return self.pool.within(cell, n, seed)

    def read_cells(self, path: str | Path) -> tuple[Cell, ...]:
        """The cells of a file, checked against the attributes and values of this source.

        Raises:
            InputError: As `pluralens.questions.intersections.read_cells`.
        """
        from pluralens.questions.intersections import read_cells

        return read_cells(
            path,
            known=self.attributes,
            numeric=self.numeric,
            values=self.pool.values,
            people=self.pool.everybody(),
        )


def load_source(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = BUILTIN,
    *,
    revision: str | None = None,
    persona_revision: str | None = None,
    language: str = "en",
) -> Source:
    """Load questions, and what people are drawn from.

    Args:
        source: `builtin`, `hf`, or one path or two; two are a list or have a comma between them.
        revision: Of the questions on the hub: branch, tag or commit; default the newest.
        persona_revision: Of the people on the hub.
        language: Of the questions, where a source has several.

    Raises:
        InputError: The source is unknown, cannot be reached or read, or holds something wrong.
    """
    if source == HUB:
        if language != HUB_LANGUAGE:
            raise InputError(
                f"language={language!r}: the questions of source={HUB} are in {HUB_LANGUAGE!r}; "
                "leave it out"
            )
        from pluralens.questions.hub import load_hub

        return load_hub(revision, persona_revision)
    for option, value in (("revision", revision), ("persona_revision", persona_revision)):
        if value is not None:
            raise InputError(
                f"{option}={value!r} pins data of the Hugging Face hub, but source={source!r} is "
                f"none; leave it out, or use source={HUB}"
            )
    if source == BUILTIN:
        from pluralens.questions.builtin import load_builtin

        return load_builtin(language)
    from pluralens.questions.own_files import load_files

    return load_files(_paths(source), language)


def _paths(source: object) -> list[str]:
    parts: Any = source
    if isinstance(source, (str, os.PathLike)):
        whole = os.fspath(source)
        # A folder or file may have a comma in its name.
        parts = [whole] if os.path.exists(whole) else str(whole).split(",")
    kinds = (str, os.PathLike)
    if not isinstance(parts, (list, tuple)) or not all(isinstance(one, kinds) for one in parts):
        raise InputError(
            f"source={source!r} is no source; write {BUILTIN}, {HUB}, a file, two files with a "
            "comma between them, or a folder"
        )
    paths = [path for one in parts if (path := os.fspath(one).strip())]
    if len(paths) not in (1, 2):
        raise InputError(
            f"source names {len(paths)} files; name one of questions, or one of questions and one "
            "of personas"
        )
    return paths
