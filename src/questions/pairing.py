"""Which question is put to whom: every question and every person as often as the others.

Orders come from hashes of ids and the seed, so a pairing does not depend on the order of files,
is the same on every machine, and a question that is added moves no other.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from math import gcd
from typing import Literal, NamedTuple, TypeVar, get_args

from pluralens.errors import InputError
from pluralens.personas.keyed_hash import keyed_hash
from pluralens.questions.attribute_names import closest
from pluralens.questions.person import Person
from pluralens.questions.question import Question

__all__ = ["DESIGNS", "Design", "Pair", "pair_up", "questions_in_order", "seeded_order"]

Design = Literal["zip", "cross"]
DESIGNS: tuple[str, ...] = get_args(Design)
One = TypeVar("One", Question, Person)


class Pair(NamedTuple):
    """A question and whom it is put to."""

    question: Question
    person: Person

    @property
    def id(self) -> str:
        """Key of the pair."""
        return f"{self.question.id}-{self.person.id}"


def seeded_order(things: Iterable[One], purpose: str, seed: int) -> list[One]:
    """Questions or people in an order of chance.

    Args:
        things: Questions or people.
        purpose: What the order is for: other purposes give other orders.
        seed: Of the order.
    """
    return sorted(things, key=lambda one: keyed_hash("questions", 16, [purpose, seed, one.id]))


def questions_in_order(questions: Iterable[Question], purpose: str, seed: int) -> list[Question]:
    """Questions in an order of chance in which topics take turns.

    The first n are thus as even over topics as the questions allow, whatever n is.
    """
    topics: dict[str, list[Question]] = {}
    for question in seeded_order(questions, purpose, seed):
        topics.setdefault(question.topic, []).append(question)
    rounds = zip_longest(*topics.values())
    return [question for one_each in rounds for question in one_each if question is not None]


def pair_up(
    questions: Sequence[Question],
    people: Sequence[Person],
    *,
    design: Design = "zip",
    n: int | None = None,
    seed: int = 0,
) -> tuple[Pair, ...]:
    """Pair questions with people.

    `zip` walks through both in orders of chance, each from the beginning again when it ends, one
    step further apart after every walk through all meetings of that distance: uses of questions,
    and of people, differ by one at most, and no pair comes twice. The first pairs of a larger n
    are those of a smaller one. `cross` puts every question to everybody.

    Args:
        questions: The questions.
        people: The people.
        design: `zip` or `cross`.
        n: How many pairs. Needed by `zip`; with `cross` it is left out, or says how many pairs all
            questions with all people are.
        seed: Of the orders.

    Raises:
        InputError: Nobody or nothing to pair, an unknown design, more pairs than there are, or two
            pairs that would have the same id.
    """
    _check(len(questions), len(people), design, n)
    if n is None or design == "cross":
        pairs = [Pair(question, person) for question in questions for person in people]
    else:
        pairs = _zip(questions, people, n, seed)
    seen: dict[str, Pair] = {}
    for pair in pairs:
        if pair.id in seen:
            raise InputError(
                f"two pairs of question and person have the id {pair.id!r}; give all questions, "
                "and all people, ids of their own without '-'"
            )
        seen[pair.id] = pair
    return tuple(pairs)


def _check(questions: int, people: int, design: str, n: int | None) -> None:
    """Refuse what makes no pairs, or more pairs than there are."""
    if design not in DESIGNS:
        raise InputError(f"design={design!r} is unknown; {closest(str(design), DESIGNS)}")
    if not questions or not people:
        raise InputError(f"{questions} questions and {people} people make no pairs; give both")
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
        raise InputError(f"{n!r} pairs cannot be made; choose a whole number of at least 1")
    most = questions * people
    if design == "cross" and n not in (None, most):
        raise InputError(
            f"design=cross makes all {questions} x {people} = {most} pairs, not {n}; leave the "
            "number out, or choose design=zip"
        )
    if design == "zip" and n is None:
        raise InputError("design=zip needs the number of pairs; give it, or use design=cross")
    if n is not None and n > most:
        raise InputError(
            f"{n} pairs are more than {questions} questions and {people} people make; choose at "
            f"most {most}"
        )


def _zip(questions: Sequence[Question], people: Sequence[Person], n: int, seed: int) -> list[Pair]:
    asked = questions_in_order(questions, "zip", seed)
    answering = seeded_order(people, "zip", seed)
    # Both cycles meet in the same way again after this many steps.
    period = len(asked) * len(answering) // gcd(len(asked), len(answering))
    return [
        Pair(asked[k % len(asked)], answering[(k + k // period) % len(answering)]) for k in range(n)
    ]
