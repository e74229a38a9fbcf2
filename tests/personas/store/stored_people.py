"""Small selections to store, and what to expect of a stored one."""

from collections.abc import Iterator, Sequence
from typing import Any

from pluralens.personas.counterfactuals import counterfactual_pairs, placebo_pairs
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample
from pluralens.personas.selection import Selection

__all__ = ["chain", "pairs", "placebos", "pool", "same"]


def pool(population: Population, name: str = "pool-a", n: int = 40, **more: Any) -> Selection:
    seed = more.pop("seed", 1)
    given: dict[str, Any] = {"parameters": {"n": n}, "source": population.id, **more}
    return Selection(name, "pool", sample(population, n, seed=seed), seed, **given)


def pairs(
    base: Selection,
    name: str = "cf-a",
    attributes: Sequence[str] = ("age", "gender", "origin"),
    **more: Any,
) -> Selection:
    population = base.personas.population
    found = counterfactual_pairs(population, base.personas, attributes, per_attribute=1)
    return _with_pairs(base, name, found, more)


def placebos(base: Selection, name: str = "placebo-a") -> Selection:
    return _with_pairs(base, name, placebo_pairs(base.personas), {})


def _with_pairs(base: Selection, name: str, found: Any, more: dict[str, Any]) -> Selection:
    given: dict[str, Any] = {"parent": base.name, "source": base.source, "parameters": {}, **more}
    given.setdefault("report", {"pairs": {}, "skipped": []})
    return Selection(
        name,
        "counterfactual",
        base.personas,
        0,
        twins=Personas.from_rows(base.personas.population, found.twins),
        links=tuple(found.links),
        **given,
    )


def same(one: Selection, other: Selection) -> None:
    """Assert that two selections are the same but for the time they were stored at."""
    for left, right in ((one.personas, other.personas), (one.twins, other.twins)):
        assert (left is None) == (right is None)
        assert left is None or right is None or list(left) == list(right)
    assert one.links == other.links
    for name in ("name", "kind", "seed", "parameters", "report", "parent", "source"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.digest() == other.digest()


def chain(error: BaseException | None) -> Iterator[str]:
    """The texts of an exception and of all behind it."""
    while error is not None:
        yield f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__
