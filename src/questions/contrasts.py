"""Pairs of people who should get different answers to a question.

The rule: of the attributes in `CONTRASTING` that people have at all, two people of a contrast
differ in at least `AT_LEAST`, and in one of `CONVICTIONS` if anybody has those; ages differ from
`YEARS_APART` years on. Where people have fewer of them, they differ in all those that there are,
and where people have none, in any attribute. A value that one of the two lacks is no difference.

Contrasts are made one after the other. Of the people with the fewest contrasts so far, the one whom
fewest of the others differ from gets a partner: of those with the fewest contrasts the one who
differs in most attributes. Ties are decided by meetings so far, then by an order of chance.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from pluralens.errors import InputError
from pluralens.personas.keyed_hash import keyed_hash
from pluralens.questions.pairing import questions_in_order, seeded_order
from pluralens.questions.person import Person
from pluralens.questions.question import Question

__all__ = [
    "AT_LEAST", "CONTRASTING", "CONVICTIONS", "YEARS_APART", "Contrast", "contrasting_pairs",
    "differing",
]  # fmt: skip

CONVICTIONS = ("ideology", "political_views", "religion")
CONTRASTING = (*CONVICTIONS, "age", "education", "race", "sex")
AT_LEAST = 3
YEARS_APART = 20


class Contrast(NamedTuple):
    """A question, and two people who should get different answers to it."""

    question: Question
    first: Person
    second: Person


def differing(one: Person, other: Person, attributes: Sequence[str]) -> tuple[str, ...]:
    """Those of the attributes in which two people differ, as a contrast counts it."""

    def differ(name: str) -> bool:
        if name not in one.attributes or name not in other.attributes:
            return False
        if name == "age" and name in one.numbers and name in other.numbers:
            return abs(one.numbers[name] - other.numbers[name]) >= YEARS_APART
        return one.attributes[name] != other.attributes[name]

    return tuple(name for name in attributes if differ(name))


def contrasting_pairs(
    questions: Sequence[Question], people: Sequence[Person], *, n: int, seed: int
) -> tuple[Contrast, ...]:
    """Choose contrasts in which every question and every person is used as evenly as possible.

    Uses of questions differ by one at most; those of people do where everybody has enough others
    to differ from. The two stand in an order of chance. No two people get the same question twice.

    Args:
        questions: The questions.
        people: The people.
        n: How many contrasts.
        seed: Of everything left to chance.

    Raises:
        InputError: No question, fewer than two people, no two who differ enough, or more contrasts
            than there are.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(f"{n!r} contrasts cannot be made; choose a whole number of at least 1")
    if not questions or len(people) < 2:
        raise InputError(
            f"{len(questions)} questions and {len(people)} people make no contrast; give at least "
            "one question and two people"
        )
    asked = questions_in_order(questions, "contrast", seed)
    pool = _Pool(people, seed)
    possible = pool.pairs * len(asked)
    if n > possible:
        raise InputError(
            f"{n} contrasts are more than the {possible} that {len(asked)} questions and the "
            f"{len(people)} people make who differ in {pool.rule}; "
            + ("take fewer" if possible else "give people who differ more")
        )
    found = []
    for k in range(n):
        question = asked[k % len(asked)]
        one, other = pool.set_apart(question, k)
        found.append(Contrast(question, one, other))
    return tuple(found)


class _Pool:
    """People, who can be set against whom, and how often each has been."""

    def __init__(self, people: Sequence[Person], seed: int) -> None:
        self.people = seeded_order(people, "contrast", seed)
        self.seed = seed
        had = {name for person in people for name in person.attributes}
        listed = [name for name in CONTRASTING if name in had]
        self.attributes = listed or [*dict.fromkeys(a for p in people for a in p.attributes)]
        self.at_least = min(AT_LEAST, len(listed)) if listed else 1
        self.convictions = [name for name in CONVICTIONS if name in had]
        size = len(self.people)
        # In how many attributes two differ, 0 if too few; how often they met. Both (size, size).
        self.difference = np.zeros((size, size), dtype=np.int64)
        self.met = np.zeros((size, size), dtype=np.int64)
        for i, j in combinations(range(size), 2):
            self.difference[i, j] = self.difference[j, i] = self._difference(i, j)
        self.uses = np.zeros(size, dtype=np.int64)
        self.asked: dict[str, list[tuple[int, int]]] = {}

    @property
    def pairs(self) -> int:
        """How many pairs of people differ enough."""
        return int(np.count_nonzero(self.difference)) // 2

    @property
    def rule(self) -> str:
        """In what two must differ, in words."""
        one = f", one of {', '.join(self.convictions)} among them" if self.convictions else ""
        return f"at least {self.at_least} of {', '.join(self.attributes)}{one}"

    def set_apart(self, question: Question, k: int) -> tuple[Person, Person]:
        """The people of contrast k; at least one pair must not have had the question."""
        free = self.difference > 0
        for i, j in self.asked.get(question.id, ()):
            free[i, j] = free[j, i] = False
        # Whoever has been asked with all others waits for another question.
        least = (self.uses == self.uses[free.any(axis=1)].min()) & free.any(axis=1)
        options = (free & least).sum(axis=1)
        # Who has the fewest possible partners chooses first, or nobody might be left for them.
        i = min(np.flatnonzero(least).tolist(), key=lambda one: (options[one], one))
        j = min(
            np.flatnonzero(free[i]).tolist(),
            key=lambda other: (
                self.uses[other],
                -self.difference[i, other],
                self.met[i, other],
                options[other],
                other,
            ),
        )
        self.uses[[i, j]] += 1
        self.met[[i, j], [j, i]] += 1
        self.asked.setdefault(question.id, []).append((i, j))
        one, other = self.people[i], self.people[j]
        swapped = keyed_hash("questions", 1, ["first", self.seed, question.id, k])[0] & 1
        return (other, one) if swapped else (one, other)

    def _difference(self, i: int, j: int) -> int:
        found = differing(self.people[i], self.people[j], self.attributes)
        if len(found) < self.at_least:
            return 0
        return len(found) if not self.convictions or set(found) & set(self.convictions) else 0
