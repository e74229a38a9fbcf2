"""Twins in two attributes at once: `counterfactual_pairs(order=2)`."""

from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from plausible_twins import (
    FOLLOWERS,
    Attributes,
    by_pair,
    documented_base,
    implausible,
    probability,
)
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.counterfactuals import (
    CounterfactualSet,
    PairLink,
    Skipped,
    counterfactual_pairs,
)
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample

CROSSED = ("gender", "age", "origin", "migration", "occupation", "education", "sexuality")


@pytest.fixture(scope="module")
def bases(de: Population) -> Personas:
    return sample(de, 50, seed=8, age=(0, 100), temperature=0.4)


@pytest.fixture(scope="module")
def crossed(de: Population, bases: Personas) -> CounterfactualSet:
    return counterfactual_pairs(de, bases[:40], CROSSED, per_attribute=2, seed=1, order=2)


def by_base_and_attribute(found: CounterfactualSet) -> dict[tuple[str, str], list[Persona]]:
    twins: dict[tuple[str, str], list[Persona]] = defaultdict(list)
    for twin, link in zip(found.twins, found.links, strict=True):
        twins[link.base_id, link.attribute].append(twin)
    return twins


def check_double(de: Population, base: Persona, twin: Persona, link: PairLink) -> None:
    one, another = link.attribute.split("+")
    old, new = base.attributes, twin.attributes
    assert twin.persona_id == link.twin_id and old[one] != new[one] and old[another] != new[another]
    assert link.from_value == f"{old[one]} + {old[another]}"
    assert link.to_value == f"{new[one]} + {new[another]}"
    others = [name for name in de.attributes if name not in (one, another)]
    assert link.forced == tuple((n, old[n], new[n]) for n in others if old[n] != new[n])
    may_follow = FOLLOWERS.get(one, set()) | FOLLOWERS.get(another, set())
    assert {name for name, _, _ in link.forced} <= may_follow
    assert de.broken_rule(new) is None and not implausible(new)
    assert de.is_applicable(one, new[one]) and de.is_applicable(another, new[another])
    # Also by the tables: an occupation needs a share at the new age and with the new certificate.
    for name in {one, another, *may_follow} - {"gender", "religion", "sexuality", "age"}:
        assert probability(de, new, name) > 0
    for name, value, _ in link.forced:
        kept = {**new, name: value}
        child = "origin" if name == "migration" else name
        assert probability(de, kept, child) == 0 or de.broken_rule(kept) is not None


def test_two_at_once_change_both_and_what_must_follow(
    de: Population, bases: Personas, crossed: CounterfactualSet
) -> None:
    by_id = {base.persona_id: base for base in bases}
    doubles = 0
    for twin, link in zip(crossed.twins, crossed.links, strict=True):
        if "+" in link.attribute:
            doubles += 1
            check_double(de, by_id[link.base_id], twin, link)
    assert doubles > 1000
    asked = {"+".join(pair) for pair in pairs_of(de, CROSSED)} | set(CROSSED)
    for base in bases[:40]:
        answered = {x.attribute for x in crossed.links if x.base_id == base.persona_id}
        skipped = {x.attribute for x in crossed.skipped if x.base_id == base.persona_id}
        assert answered | skipped == asked and not answered & skipped


def test_two_at_once_come_with_the_twins_in_one(
    de: Population, bases: Personas, crossed: CounterfactualSet
) -> None:
    single = counterfactual_pairs(de, bases[:40], CROSSED, per_attribute=2, seed=1)
    kept = [i for i, link in enumerate(crossed.links) if "+" not in link.attribute]
    assert [crossed.links[i] for i in kept] == single.links
    assert [crossed.twins[i] for i in kept] == single.twins
    assert [x for x in crossed.skipped if "+" not in x.attribute] == single.skipped
    # Base by base, first the twins in one attribute.
    first = [x for x in crossed.links if x.base_id == bases[0].persona_id]
    kinds = ["+" in link.attribute for link in first]
    assert kinds == sorted(kinds) and crossed.links[: len(first)] == first


def pairs_of(population: Population, names: list[str]) -> list[tuple[str, ...]]:
    """Two at a time, in sampling order."""
    return list(combinations(sorted(names, key=population.attributes.index), 2))


@pytest.mark.parametrize("k", [1, 2, None])
def test_the_factorial_square_closes(de: Population, k: int | None) -> None:
    adults = sample(de, 60, seed=4, temperature=0.3)
    names = ["gender", "age", "origin", "religion", "sexuality"]
    found = counterfactual_pairs(de, adults, names, per_attribute=k, seed=6, order=2)
    assert not found.skipped
    twins = by_base_and_attribute(found)
    for base in adults:
        for one, another in pairs_of(de, names):
            ones = {t.attributes[one]: t for t in twins[base.persona_id, one]}
            others = {t.attributes[another]: t for t in twins[base.persona_id, another]}
            both = twins[base.persona_id, f"{one}+{another}"]
            # All combinations, or k of them, with as many different values as there can be.
            whole = len(ones) * len(others)
            assert len(both) == (whole if k is None else min(k, whole))
            used = {t.attributes[one] for t in both}, {t.attributes[another] for t in both}
            assert used == (set(ones), set(others))
            for twin in both:
                corners = ones[twin.attributes[one]], others[twin.attributes[another]]
                for name in set(de.attributes) - {one, another}:
                    known = {x.attributes[name] for x in (base, *corners)}
                    # None of these attributes forces what another one forces too.
                    assert twin.attributes[name] in known


def test_combinations_that_cannot_be_are_passed_over(de: Population) -> None:
    adults = sample(de, 60, seed=4, age=(66, 100), temperature=0.3)
    names = ["age", "occupation"]
    found = counterfactual_pairs(de, adults, names, seed=6, order=2)
    twins = by_base_and_attribute(found)
    passed = 0
    for base in adults:
        both = {
            (t.attributes["age"], t.attributes["occupation"])
            for t in twins[base.persona_id, "age+occupation"]
        }
        for young in twins[base.persona_id, "age"]:
            for job in twins[base.persona_id, "occupation"]:
                pair = (young.attributes["age"], job.attributes["occupation"])
                kept = {**young.attributes, "occupation": pair[1]}
                possible = probability(de, kept, "occupation") > 0
                assert (pair in both) == (possible and de.broken_rule(kept) is None)
                passed += pair not in both
        assert not [pair for pair in both if pair[0] in (24, 37) and pair[1] == "retired"]
    assert passed > 60


def test_two_at_once_for_attributes_that_force_each_other(
    de: Population, crossed: CounterfactualSet
) -> None:
    pairs = [
        (twin.attributes["origin"], twin.attributes["migration"], link.forced)
        for twin, link in zip(crossed.twins, crossed.links, strict=True)
        if link.attribute == "migration+origin"
    ]
    assert len(pairs) > 40
    for origin, migration, forced in pairs:
        assert (origin == "DE") == (migration == "none") and not forced


def test_fewer_at_once_are_among_more(de: Population, bases: Personas) -> None:
    sets = [
        by_pair(counterfactual_pairs(de, bases[:20], CROSSED, per_attribute=k, seed=9, order=2))
        for k in (1, 2, 4, None)
    ]
    for fewer, more in zip(sets, sets[1:], strict=False):
        assert fewer.items() <= more.items() and len(fewer) < len(more)


def test_two_at_once_do_not_depend_on_company_or_order(de: Population, bases: Personas) -> None:
    one = counterfactual_pairs(de, bases, ["age", "education"], per_attribute=2, order=2)
    more = counterfactual_pairs(
        de,
        bases.take(list(range(49, -1, -1))),
        ["gender", "age", "education"],
        per_attribute=2,
        order=2,
    )
    kept = {k: v for k, v in by_pair(more).items() if "gender" not in v[0].attribute}
    assert kept == by_pair(one)
    # Named the other way round they are the same pairs.
    turned = counterfactual_pairs(de, bases, ["education", "age"], per_attribute=2, order=2)
    assert by_pair(turned) == by_pair(one)


def test_ids_of_two_at_once_are_their_own(de: Population, bases: Personas) -> None:
    seen: dict[str, tuple[str, Attributes]] = {}
    for seed in (1, 2):
        for names in (CROSSED, CROSSED[::-1]):
            found = counterfactual_pairs(de, bases[:20], names, per_attribute=2, seed=seed, order=2)
            ids = [link.pair_id for link in found.links] + [t.persona_id for t in found.twins]
            assert len(set(ids)) == len(ids)
            for twin, link in zip(found.twins, found.links, strict=True):
                # One id is one person of one kind, whichever call made it.
                content = (link.attribute, twin.attributes)
                assert seen.setdefault(twin.persona_id, content) == content


def test_documented_double(de: Population) -> None:
    base = documented_base(de)
    found = counterfactual_pairs(de, [base], ["age", "origin"], per_attribute=1, order=2)
    link = found.links[-1]
    assert (link.attribute, link.from_value, link.to_value) == ("age+origin", "87 + DE", "37 + AT")
    # The same that follow in the twins in one attribute.
    assert link.forced == (
        ("migration", "none", "german_immigrated"),
        ("occupation", "retired", "police_officer"),
    )
    assert found.links[0].forced + found.links[1].forced == link.forced[::-1]


def test_skipped_two_at_once(de: Population, bases: Personas) -> None:
    child = next(p for p in bases if int(p.attributes["age"]) < 15)
    odd = replace(child, attributes={**child.attributes, "marital_status": "widowed"})
    names = ["religion", "sexuality", "marital_status"]
    reasons = {s.attribute: s.reason for s in _skips(de, child, names)}
    no_other = "no other value of marital_status is possible for this persona"
    assert reasons == {
        "sexuality": "sexuality does not apply to this persona",
        "marital_status": no_other,
        "religion+sexuality": "sexuality does not apply to this persona",
        "religion+marital_status": no_other,
        "marital_status+sexuality": no_other,
    }
    assert {
        s.attribute: s.reason for s in _skips(de, odd, ["gender", "religion"])
    } == dict.fromkeys(
        ("gender", "religion", "gender+religion"),
        "the persona itself breaks a plausibility rule of its population",
    )


def _skips(de: Population, base: Persona, names: list[str]) -> list[Skipped]:
    return counterfactual_pairs(de, [base], names, order=2).skipped


def test_two_that_exclude_each_other(tmp_path: Path) -> None:
    people = tiny(
        tmp_path / "tiny",
        {"left": ((), {(): (1, 1)}), "right": ((), {(): (1, 1)})},
        {"left": ("a", "b"), "right": ("a", "b")},
        forbid=[{"left": ["b"], "right": ["b"]}],
    )
    base = Persona("0" * 16, "tiny", {"left": "a", "right": "a"})
    found = counterfactual_pairs(people, [base], ["left", "right"], order=2)
    assert [link.to_value for link in found.links] == ["b", "b"]
    assert found.skipped == [
        Skipped(
            "0" * 16, "left+right", "no other value of left and right is possible for this persona"
        )
    ]


@pytest.mark.parametrize(
    ("attributes", "order", "message"),
    [
        (["gender", "age"], 3, "order=3 is not supported; use 1"),
        (["gender", "age"], 0, "order=0 is not supported; use 1"),
        (["gender", "age"], "x", "order='x'"),
        (["gender"], 2, "attributes=gender names 1; name two or more"),
        ("gender", 2, "attributes=gender names 1; name two or more"),
        ([], 2, "names 0; name two or more"),
    ],
)
def test_wrong_order(
    de: Population, bases: Personas, attributes: list[str], order: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        counterfactual_pairs(de, bases, attributes, order=order)
    assert "\n" not in str(caught.value)
