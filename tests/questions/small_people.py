"""People and questions of a few words, for tests."""

from collections.abc import Mapping

from pluralens.questions.person import Person
from pluralens.questions.question import Question

__all__ = ["person", "questions", "strangers"]


def person(key: str, /, **attributes: str | int) -> Person:
    """A person; whole numbers are numeric attributes."""
    numbers = {name: float(v) for name, v in attributes.items() if isinstance(v, int)}
    return Person(key, {name: str(v) for name, v in attributes.items()}, numbers)


def strangers(n: int, shared: Mapping[str, str] | None = None) -> list[Person]:
    """People of whom nobody shares an attribute with anybody, but for `shared`."""
    return [
        person(
            f"p{i}",
            **{"age": 20 * i, "ideology": f"i{i}", "religion": f"r{i}", "sex": f"s{i}"},
            **(shared or {}),
        )
        for i in range(n)
    ]


def questions(n: int, topics: int = 3) -> list[Question]:
    """Questions over a number of topics, in turn."""
    return [Question(f"q{i}", f"t{i % topics}", f"What of {i}?") for i in range(n)]
