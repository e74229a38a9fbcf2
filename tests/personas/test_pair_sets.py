"""Whole sets of pairs: every pair differs in what its link says, and in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from pluralens.personas.counterfactuals import CounterfactualSet, counterfactual_pairs
from pluralens.personas.description import describe
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.rules import forbidden_mask
from pluralens.personas.sampling import sample

NAMES = ("gender", "age", "origin", "religion", "sexuality")
FOLLOWERS = {
    "age": {"education", "marital_status", "occupation", "sexuality"},
    "origin": {"migration"},
}
# Bases, order, twins per base and attribute.
SETS = [(2000, 1, 1), (2000, 1, None), (300, 2, 1), (300, 2, None)]


@pytest.fixture(scope="module")
def pool(de: Population) -> Personas:
    return sample(de, 2000, seed=1, temperature=0.3)


@dataclass(frozen=True)
class Made:
    """One of the sets, with the bases in their columns and the twins in theirs."""

    n: int
    order: int
    k: int | None
    found: CounterfactualSet
    bases: Personas
    twins: Personas


@pytest.fixture(scope="module", params=SETS, ids=str)
def made(request: pytest.FixtureRequest, de: Population, pool: Personas) -> Made:
    n, order, k = request.param
    found = counterfactual_pairs(de, pool[:n], NAMES, per_attribute=k, seed=3, order=order)
    return Made(n, order, k, found, pool[:n], Personas.from_rows(de, found.twins))


def differing(names: Sequence[str], base: Personas, twin: Personas) -> np.ndarray:
    """Shape (pairs, attributes): which attributes of the two rows of a pair differ."""
    return np.stack([base.codes[name] != twin.codes[name] for name in names], axis=1)


def listed(names: Sequence[str], found: CounterfactualSet) -> tuple[np.ndarray, np.ndarray]:
    """Shape (pairs, attributes) each: the changed and the forced attributes of the links."""
    place = {name: i for i, name in enumerate(names)}
    changed, forced = np.zeros((2, len(found.links), len(names)), dtype=np.bool_)
    for row, link in enumerate(found.links):
        changed[row, [place[name] for name in link.attribute.split("+")]] = True
        forced[row, [place[name] for name, _, _ in link.forced]] = True
    return changed, forced


def test_rows_differ_in_what_is_listed_and_in_nothing_else(
    de: Population, pool: Personas, made: Made
) -> None:
    found, twins, n = made.found, made.twins, made.n
    assert not found.skipped
    # Five attributes and their ten pairs: without a number, all values, which are more than one.
    kinds = 5 if made.order == 1 else 15
    assert len(found.links) == n * kinds if made.k else len(found.links) > n * kinds * 2
    row_of = {persona_id: row for row, persona_id in enumerate(pool.ids.tolist())}
    bases = pool.take([row_of[link.base_id] for link in found.links])
    assert twins.ids.tolist() == [link.twin_id for link in found.links]
    assert len({*twins.ids.tolist(), *pool.ids.tolist()}) == len(twins) + len(pool)
    names = de.attributes
    changed, forced = listed(names, found)
    assert np.array_equal(differing(names, bases, twins), changed | forced)
    assert not (changed & forced).any()
    # Only what may follow was forced.
    for i, name in enumerate(names):
        may = [j for j, by in enumerate(names) if name in FOLLOWERS.get(by, ())]
        assert not (forced[:, i] & ~changed[:, may].any(axis=1)).any()
    # The link says what both rows say.
    for link, base, twin in zip(found.links, bases, found.twins, strict=True):
        for side, person in ((link.from_value, base), (link.to_value, twin)):
            values = [person.attributes[name] for name in link.attribute.split("+")]
            assert str(side) == " + ".join(map(str, values))
        for name, old, new in link.forced:
            assert (base.attributes[name], twin.attributes[name]) == (old, new)


def test_both_sides_are_plausible_and_whole(de: Population, made: Made) -> None:
    for side in (made.bases, made.twins):
        assert not forbidden_mask(de.rules, side.codes).any()
        # Common sense, written down apart from the rules.
        frame = side.to_frame()
        assert ((frame.origin == "DE") == (frame.migration == "none")).all()
        assert (frame.age[frame.occupation == "retired"] >= 50).all()
        assert (frame.age[frame.marital_status != "single"] >= 18).all()
        assert not (frame.sexuality == "not_applicable").any()
        # Nobody lacks an origin, or anything else.
        assert tuple(side.codes) == de.attributes
        for column in de.all_attributes:
            assert frame[column].notna().all()
        assert frame.origin.isin(de.values("origin")).all()


@pytest.mark.parametrize("language", ["de", "en"])
def test_rendered_pairs_differ_in_the_listed_lines(
    de: Population, pool: Personas, language: str
) -> None:
    found = counterfactual_pairs(de, pool[:60], NAMES, per_attribute=1, seed=3, order=2)
    labels = {de.attribute_label(name, language): name for name in de.attributes}
    lines = {
        person.persona_id: describe(person.attributes, de, language=language).split("\n")[1:]
        for person in (*pool[:60], *found.twins)
    }
    for link in found.links:
        base, twin = lines[link.base_id], lines[link.twin_id]
        # Everything applies to these adults, the origin among it, so all have the same lines.
        assert [line.split(": ")[0] for line in base] == list(labels)
        different = {
            labels[one.split(": ")[0]]
            for one, other in zip(base, twin, strict=True)
            if one != other
        }
        assert different == {*link.attribute.split("+"), *(name for name, _, _ in link.forced)}
