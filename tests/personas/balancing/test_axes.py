from typing import Any

import numpy as np
import pytest

from pluralens.errors import InputError
from pluralens.personas.balancing.axes import DEFAULT_AXES, make_axes
from pluralens.personas.population import Population
from pluralens.personas.shares import population_shares


def axes_of(population: Population, names: list[str] | None, min_share: float, **options: Any):
    return make_axes(
        population, names, lambda name: population_shares(population, name, **options), min_share
    )


def with_subregions(population: Population, shares: dict[str, float]):
    """The axis of subregions, and what its countries say, when subregions have these shares."""
    lookup = population.derived["origin_subregion"].lookup
    origins = np.zeros(len(population.values("origin")))
    for subregion, share in shares.items():
        members = np.flatnonzero(np.array(lookup) == population.code("origin_subregion", subregion))
        origins[members] = share / len(members)
    return make_axes(population, ["origin_subregion"], lambda _: origins, 0.01)[0]


def test_defaults(de: Population) -> None:
    assert tuple(axis.name for axis in axes_of(de, None, 0.01)) == DEFAULT_AXES
    gender, age, _, religion, sexuality = axes_of(de, None, 0.01)
    assert gender.groups == ("female", "male", "diverse")
    # No group for those under 18, of whom there are none.
    assert age.groups == ("18-29", "30-44", "45-64", "65+")
    assert age.lookup[17] == -1 and age.lookup[18] == 0 and age.lookup[100] == 3
    assert religion.groups == de.values("religion")
    assert sexuality.groups == ("heterosexual", "homosexual", "bisexual")
    assert sexuality.lookup.tolist() == [0, 1, 2, -1]


def test_with_minors_ages_are_binned_otherwise(de: Population) -> None:
    axes = {axis.name: axis for axis in axes_of(de, None, 0.01, age=(12, 100))}
    assert axes["age_bin_all"].groups == ("10-19", "20-29", "30-44", "45-64", "65+")
    # It applies from 16 on: the others are in no group, but there.
    assert axes["sexuality"].groups == ("heterosexual", "homosexual", "bisexual")
    assert axes["sexuality"].lookup.tolist() == [0, 1, 2, 3]
    names = [axis.name for axis in axes_of(de, None, 0.01, age=(3, 14))]
    assert names == ["gender", "age_bin_all", "origin_subregion", "religion"]


def test_subregions_are_merged_into_their_region(de: Population) -> None:
    axis = with_subregions(
        de,
        {
            "Western Europe": 0.6,
            "Eastern Europe": 0.2,
            "Southern Asia": 0.1,
            "Western Asia": 0.06,
            "Eastern Asia": 0.009,
            "Central Asia": 0.008,
            "Latin America and the Caribbean": 0.009,
            "Northern America": 0.009,
            "Polynesia": 0.004,
            "Melanesia": 0.001,
        },
    )
    assert axis.merged == {
        "Asia (other)": ("Central Asia", "Eastern Asia"),
        "Americas": ("Latin America and the Caribbean", "Northern America"),
        # The whole region, and still below: it stays, and is named.
        "Oceania": ("Melanesia", "Polynesia"),
    }
    assert axis.small == ("Oceania",)
    assert axis.groups == (
        *("Americas", "Asia (other)", "Southern Asia", "Western Asia"),
        *("Eastern Europe", "Western Europe", "Oceania"),
    )
    lookup = de.derived["origin_subregion"].lookup
    for origin, subregion in enumerate(lookup):
        name = str(de.values("origin_subregion")[subregion])
        group = next((g for g, members in axis.merged.items() if name in members), name)
        expected = axis.groups.index(group) if group in axis.groups else -1
        assert axis.lookup[origin] == expected


def test_a_remainder_takes_the_next_smallest_subregion(de: Population) -> None:
    axis = with_subregions(
        de,
        {
            "Western Europe": 0.6,
            "Eastern Europe": 0.2,
            "Southern Europe": 0.196,
            "Northern Europe": 0.003,
            "Polynesia": 0.001,
        },
    )
    assert axis.merged == {"Europe (other)": ("Northern Europe", "Southern Europe")}
    # Alone in its region: there is nothing to merge it with.
    assert axis.small == ("Polynesia",) and "Polynesia" in axis.groups


def test_no_least_share_merges_nothing(de: Population) -> None:
    axis = axes_of(de, ["origin_subregion"], 0)[0]
    assert axis.groups == de.values("origin_subregion")
    assert axis.merged == {} and axis.small == ()
    # Only subregions have a region to be merged into.
    assert axes_of(de, ["gender"], 0.4)[0].groups == ("female", "male", "diverse")


WRONG: list[tuple[Any, Any, str]] = [
    (["gender", "colour"], 0.01, "there is no attribute 'colour'"),
    (["gender", "religion", "gender"], 0.01, "gender is named twice; name it once"),
    (["age", "age_bin"], 0.01, "age and age_bin are both read from age and cannot both be even"),
    ([], 0.01, "is no list of attributes; write for example"),
    ("gender", 0.01, "axes='gender' is no list"),
    (None, 0.5, r"min_share=0.5 is not in \[0, 0.5\)"),
    (None, -0.01, "min_share=-0.01"),
    (None, float("nan"), "min_share=nan"),
    (None, True, "min_share=True"),
    (None, "1%", "min_share='1%'"),
]


@pytest.mark.parametrize(("names", "min_share", "message"), WRONG)
def test_wrong_requests(de: Population, names: Any, min_share: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        axes_of(de, names, min_share)
    assert "\n" not in str(caught.value)


def test_an_axis_that_applies_to_nobody(de: Population) -> None:
    with pytest.raises(InputError, match="sexuality applies to nobody here; leave it out"):
        axes_of(de, ["gender", "sexuality"], 0.01, age=(3, 14))
