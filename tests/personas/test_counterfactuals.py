from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plausible_twins import FOLLOWERS, by_pair, documented_base, implausible, probability
from scipy.stats import binomtest, chisquare

from pluralens.errors import InputError
from pluralens.personas.counterfactuals import (
    PLACEBO,
    CounterfactualSet,
    counterfactual_pairs,
    placebo_pairs,
)
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import sample

BINS = ["0-17", "18-29", "30-44", "45-64", "65+"]
REPRESENTATIVES = {24: "18-29", 37: "30-44", 56: "45-64", 74: "65+"}


@pytest.fixture(scope="module")
def bases(de: Population) -> Personas:
    return sample(de, 150, seed=8, age=(0, 100), temperature=0.4)


@pytest.fixture(scope="module")
def everything(de: Population, bases: Personas) -> CounterfactualSet:
    return counterfactual_pairs(de, bases, de.attributes, seed=1)


def check_pairs(de: Population, bases: list[Persona], found: CounterfactualSet) -> None:
    by_id = {base.persona_id: base for base in bases}
    assert len(found.twins) == len(found.links)
    for twin, link in zip(found.twins, found.links, strict=True):
        base = by_id[link.base_id]
        assert twin.persona_id == link.twin_id != base.persona_id
        assert tuple(twin.attributes) == de.attributes and twin.population == "de"
        changes = [
            (name, base.attributes[name], twin.attributes[name])
            for name in de.attributes
            if base.attributes[name] != twin.attributes[name]
        ]
        # The changed attribute and the forced ones differ, and nothing else does.
        assert (link.attribute, link.from_value, link.to_value) in changes
        assert tuple(c for c in changes if c[0] != link.attribute) == link.forced
        assert {c[0] for c in link.forced} <= FOLLOWERS.get(link.attribute, set())
        # The twin could be a person.
        assert de.broken_rule(twin.attributes) is None
        assert not implausible(twin.attributes), twin
        assert de.is_applicable(link.attribute, link.to_value)
        for name, old, _ in link.forced:
            assert probability(de, twin.attributes, name) > 0
            # It followed because it had to: with its old value the twin could not be one.
            kept = {**twin.attributes, name: old}
            child = link.attribute if link.attribute in ("origin",) else name
            assert probability(de, kept, child) == 0 or de.broken_rule(kept) is not None
    assert len({link.pair_id for link in found.links}) == len(found.links)
    ids = [twin.persona_id for twin in found.twins] + [base.persona_id for base in bases]
    assert len(set(ids)) == len(ids)
    pairs = [(link.base_id, link.attribute, link.to_value) for link in found.links]
    assert len(set(pairs)) == len(pairs)


def test_pairs_are_minimal(de: Population, bases: Personas, everything: CounterfactualSet) -> None:
    check_pairs(de, list(bases), everything)
    asked = {(base.persona_id, name) for base in bases for name in de.attributes}
    answered = {(link.base_id, link.attribute) for link in everything.links}
    skipped = {(skip.base_id, skip.attribute) for skip in everything.skipped}
    assert answered | skipped == asked and not answered & skipped
    assert len(skipped) == len(everything.skipped)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    k=st.sampled_from([1, 2, 3, None]),
    temperature=st.sampled_from([0.0, 0.5, 1.0]),
    attributes=st.lists(
        st.sampled_from(["age", "gender", "origin", "religion", "migration", "education"]),
        unique=True,
    ),
)
def test_pairs_are_minimal_for_any_bases(
    de: Population, seed: int, k: int | None, temperature: float, attributes: list[str]
) -> None:
    drawn = sample(de, 6, seed=seed, age=(0, 100), temperature=temperature)
    found = counterfactual_pairs(de, drawn, attributes, per_attribute=k, seed=seed)
    check_pairs(de, list(drawn), found)
    for count in Counter((link.base_id, link.attribute) for link in found.links).values():
        assert k is None or count <= k
    for base in drawn:
        for name in attributes:
            if name in ("age", "gender", "origin", "religion", "migration"):
                assert any(
                    x.base_id == base.persona_id and x.attribute == name for x in found.links
                )


# -- targets --------------------------------------------------------------------------------------


def targets(found: CounterfactualSet, attribute: str) -> dict[str, list[str | int]]:
    by_base: dict[str, list[str | int]] = defaultdict(list)
    for link in found.links:
        if link.attribute == attribute:
            by_base[link.base_id].append(link.to_value)
    return by_base


@pytest.mark.parametrize("attribute", ["gender", "religion"])
def test_all_other_values(
    de: Population, bases: Personas, everything: CounterfactualSet, attribute: str
) -> None:
    found = targets(everything, attribute)
    for base in bases:
        others = [v for v in de.values(attribute) if v != base.attributes[attribute]]
        assert found[base.persona_id] == others


def test_ages_are_two_bins_away(
    de: Population, bases: Personas, everything: CounterfactualSet
) -> None:
    found = targets(everything, "age")
    for base in bases:
        own = BINS.index(str(de.derive(base.attributes)["age_bin"]))
        expected = [a for a, name in REPRESENTATIVES.items() if abs(BINS.index(name) - own) >= 2]
        assert found[base.persona_id] == expected and expected


def test_origins_one_country_per_subregion(
    de: Population, bases: Personas, everything: CounterfactualSet
) -> None:
    found = targets(everything, "origin")
    for base in bases:
        subregions = [de.derive({"origin": o})["origin_subregion"] for o in found[base.persona_id]]
        assert base.attributes["origin"] not in found[base.persona_id]
        assert len(set(subregions)) == len(subregions)
        # Its own subregion too, unless that has no other country.
        assert len(subregions) >= 16


def test_religion_of_an_origin_twin_stays(everything: CounterfactualSet) -> None:
    for twin, link in zip(everything.twins, everything.links, strict=True):
        if link.attribute == "origin":
            assert {name for name, _, _ in link.forced} <= {"migration"}
            assert (twin.attributes["migration"] == "none") == (link.to_value == "DE")
            if "DE" not in (link.from_value, link.to_value):
                assert not link.forced


def test_children_and_what_does_not_apply(bases: Personas, everything: CounterfactualSet) -> None:
    reasons = {(s.base_id, s.attribute): s.reason for s in everything.skipped}
    found = targets(everything, "sexuality")
    young = 0
    for base in bases:
        key = (base.persona_id, "sexuality")
        if int(base.attributes["age"]) < 16:
            young += 1
            assert reasons[key] == "sexuality does not apply to this persona"
            assert base.persona_id not in found
        else:
            assert key not in reasons
            assert len(found[base.persona_id]) == 2
            assert "not_applicable" not in found[base.persona_id]
    assert young > 5
    # A person of 18 or 19 is never anything but single: nothing to change to.
    assert any("no other value of marital_status is possible" in r for r in reasons.values())


def test_origin_targets_follow_the_population(de: Population) -> None:
    # Destatis, 31 December 2024: foreign nationals in Germany, all and by country.
    total, turkey, poland = 13_883_120, 1_544_480, 864_980
    drawn = sample(de, 12_000, seed=3, age=(25, 60))
    adults = drawn.take(np.flatnonzero(drawn.column("origin") == de.code("origin", "DE")))
    found = counterfactual_pairs(de, adults, ["origin"], per_attribute=1, seed=2)
    counts = Counter(link.to_value for link in found.links)
    n = len(adults)
    assert n > 7000 and sum(counts.values()) == n
    assert binomtest(counts["TR"], n, turkey / total).pvalue > 0.001
    assert binomtest(counts["PL"], n, poland / total).pvalue > 0.001
    # What has to follow is drawn from the table: microcensus 2024, men of 35 to 44, 1000 persons.
    kinds = {
        "foreigner_immigrated": 1094,
        "foreigner_born_here": 128,
        "german_immigrated": 559,
        "german_born_here": 294,
    }
    men = {
        p.persona_id
        for p in adults
        if p.attributes["gender"] == "male" and 35 <= int(p.attributes["age"]) < 45
    }
    forced = Counter(link.forced[0][2] for link in found.links if link.base_id in men)
    expected = [forced.total() * share / sum(kinds.values()) for share in kinds.values()]
    assert forced.total() > 500
    assert chisquare([forced[kind] for kind in kinds], expected).pvalue > 0.001


def test_every_subregion_is_reached_from_abroad(de: Population) -> None:
    drawn = sample(de, 500, seed=1, exclude={"origin": ["DE"]})
    found = counterfactual_pairs(de, drawn, ["origin"], per_attribute=1)
    share = sum(link.to_value == "DE" for link in found.links) / 500
    # 70 percent of all residents, and more of those outside the persona's own subregion.
    assert 0.6 < share < 0.9
    for link in found.links:
        if link.to_value == "DE":
            assert [(f[0], f[2]) for f in link.forced] == [("migration", "none")]


# -- determinism ----------------------------------------------------------------------------------


def test_pairs_do_not_depend_on_company_or_order(de: Population, bases: Personas) -> None:
    names = ["age", "origin", "religion"]
    whole = by_pair(counterfactual_pairs(de, bases, names, per_attribute=2, seed=5))
    order = np.random.default_rng(0).permutation(len(bases))
    shuffled = counterfactual_pairs(
        de, bases.take(order), ["religion", "gender", "origin", "age"], per_attribute=2, seed=5
    )
    kept = {k: v for k, v in by_pair(shuffled).items() if v[0].attribute != "gender"}
    assert kept == whole
    rows = counterfactual_pairs(de, list(bases), names, per_attribute=2, seed=5)
    assert by_pair(rows) == whole


def test_fewer_are_among_more(de: Population, bases: Personas) -> None:
    sets = [
        by_pair(counterfactual_pairs(de, bases, de.attributes, per_attribute=k, seed=9))
        for k in (1, 2, 4, None)
    ]
    for fewer, more in zip(sets, sets[1:], strict=False):
        assert fewer.items() <= more.items() and len(fewer) < len(more)


def test_seeds(de: Population, bases: Personas) -> None:
    one, two, again = (counterfactual_pairs(de, bases, ["origin"], seed=seed) for seed in (1, 2, 1))
    assert one == again and one != two
    # The same id is the same person, whichever seed made it.
    persons = {twin.persona_id: twin for twin in one.twins}
    for twin in two.twins:
        assert persons.get(twin.persona_id, twin) == twin


def test_documented_pair(de: Population) -> None:
    base = documented_base(de)
    found = counterfactual_pairs(de, [base], ["age", "origin"], per_attribute=1, seed=0)
    assert [(x.attribute, x.from_value, x.to_value, x.forced) for x in found.links] == [
        ("age", 87, 37, (("occupation", "retired", "police_officer"),)),
        ("origin", "DE", "AT", (("migration", "none", "german_immigrated"),)),
    ]
    assert [twin.persona_id for twin in found.twins] == ["9683423d618ddbb9", "1399bb7797c09424"]


# -- placebo --------------------------------------------------------------------------------------


def test_placebo(bases: Personas) -> None:
    found = placebo_pairs(bases)
    assert not found.skipped and len(found.twins) == len(found.links) == len(bases)
    for base, twin, link in zip(bases, found.twins, found.links, strict=True):
        assert twin == replace(base, persona_id=twin.persona_id)
        assert twin.persona_id != base.persona_id
        assert (link.base_id, link.twin_id) == (base.persona_id, twin.persona_id)
        assert (link.attribute, link.from_value, link.to_value, link.forced) == (
            PLACEBO,
            "",
            "",
            (),
        )
    assert len({x.pair_id for x in found.links} | {x.twin_id for x in found.links}) == 300
    assert placebo_pairs(list(bases)) == found


# -- wrong input ----------------------------------------------------------------------------------

Call = Callable[[Population, Personas], object]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda p, b: counterfactual_pairs(p, b, ["religon"]),
            "no attribute 'religon'; the closest is 'religion'",
        ),
        (
            lambda p, b: counterfactual_pairs(p, b, ["age_bin"]),
            "'age_bin' is derived; change 'age'",
        ),
        (lambda p, b: counterfactual_pairs(p, b, ["age", "age"]), "'age' is given twice"),
        (
            lambda p, b: counterfactual_pairs(p, b, ["age"], per_attribute=0),
            "it must be at least 1",
        ),
        (lambda p, b: counterfactual_pairs(p, b, ["age"], per_attribute=1.5), "not a whole number"),
        (lambda p, b: counterfactual_pairs(p, b, ["age"], seed="x"), "seed='x'"),
        (lambda p, b: counterfactual_pairs(p, b.take([1, 2, 1]), ["age"]), "occurs twice"),
        (lambda p, b: placebo_pairs([b[0], b[0]]), "occurs twice"),
        (
            lambda p, b: counterfactual_pairs(p, [replace(b[0], population="us")], ["age"]),
            "of population 'us', not 'de'",
        ),
    ],
)
def test_wrong_input(de: Population, bases: Personas, call: Call, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call(de, bases)
    assert "\n" not in str(caught.value)


def test_personas_of_other_tables(de: Population, copy_of_de: Any) -> None:
    text = (copy_of_de / "religion.csv").read_text("utf-8")
    (copy_of_de / "religion.csv").write_text(text.replace("56.23", "57"), "utf-8")
    with pytest.raises(InputError, match="in other tables than the given de"):
        counterfactual_pairs(de, sample(load_population(copy_of_de), 5), ["age"])


def test_a_base_that_is_implausible_itself(de: Population, bases: Personas) -> None:
    base = next(p for p in bases if int(p.attributes["age"]) < 15)
    odd = replace(base, attributes={**base.attributes, "marital_status": "widowed"})
    found = counterfactual_pairs(de, [odd], ["religion"])
    assert not found.links
    assert found.skipped[0].reason.startswith("the persona itself breaks a plausibility rule")


def test_one_attribute_as_a_string(de: Population, bases: Personas) -> None:
    assert counterfactual_pairs(de, bases, "gender") == counterfactual_pairs(de, bases, ["gender"])
