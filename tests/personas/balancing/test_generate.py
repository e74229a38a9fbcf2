from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.balancing import balanced_generate, balanced_select
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample
from pluralens.personas.shares import population_joint


def same(a: Personas, b: Personas) -> bool:
    return a.ids.tolist() == b.ids.tolist() and all(
        np.array_equal(a.codes[name], b.codes[name]) for name in a.codes
    )


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (0, {}),
        (1, {}),
        (2, {"temperature": 0.8}),
        (3, {"age": (0, 100)}),
        (4, {"exclude": {"origin": ["DE"], "gender": ["diverse"]}, "min_share": 0}),
    ],
)
def test_goals(de: Population, seed: int, options: Mapping[str, Any]) -> None:
    drawn, report = balanced_generate(de, 2000, seed=seed, **options)
    assert len(drawn) == 2000 and len(set(drawn.ids.tolist())) == 2000
    assert len(report.axes) == 5 and len(report.associations) == 10
    for axis in report.axes:
        assert axis.max_deviation <= 1.0
    for pair in report.associations:
        assert pair.cramers_v <= 0.10
        assert pair.pool is None
    assert all(
        p == q
        for p, q in zip(drawn, balanced_generate(de, 2000, seed=seed, **options)[0], strict=True)
    )
    assert all(de.broken_rule(persona.attributes) is None for persona in drawn)


def test_rare_combinations_exist(de: Population) -> None:
    frame = balanced_generate(de, 2000, min_share=0)[0].to_frame()
    rare = frame[(frame["origin_subregion"] == "Polynesia") & (frame["gender"] == "diverse")]
    # A third of a seventeenth; in a pool one in many millions.
    assert 30 <= len(rare) <= 50
    assert rare["sexuality"].nunique() == 3 and rare["age_bin"].nunique() == 4


def test_within_a_cell_personas_are_as_in_the_population(de: Population) -> None:
    axes = ["gender", "age_bin", "origin_subregion"]
    options: dict[str, Any] = {"temperature": {"origin": 0.3}, "exclude": {"age": [50]}}
    drawn, _ = balanced_generate(de, 60_000, seed=5, axes=axes, min_share=0, **options)
    cells = tuple(drawn.column(axis) for axis in axes)
    for given, free in (
        ({"gender": "diverse", "age_bin": "45-64"}, "age"),
        ({"origin_subregion": "Southern Europe"}, "origin"),
        ({"origin_subregion": "Northern Africa"}, "religion"),
        ({"gender": "female", "age_bin": "65+"}, "marital_status"),
        ({"gender": "male", "age_bin": "18-29"}, "education"),
        ({"age_bin": "30-44"}, "occupation"),
        ({"age_bin": "65+", "origin_subregion": "Polynesia"}, "sexuality"),
    ):
        joint = population_joint(de, [*axes, free], **options)
        members = np.all([drawn.column(k) == de.code(k, v) for k, v in given.items()], axis=0)
        # The exact shares of every member's own cell, added up.
        shares = joint[tuple(codes[members] for codes in cells)]
        row = (shares / shares.sum(axis=1, keepdims=True)).sum(axis=0)
        counts = np.bincount(drawn.column(free)[members], minlength=len(row))
        assert not counts[row == 0].any()
        # Few expected ones together, as the chi-square distribution needs.
        often = row >= 5
        found = [*counts[often], counts[~often].sum()]
        wanted = [*row[often], row[~often].sum()]
        if wanted[-1] == 0:
            found, wanted = found[:-1], wanted[:-1]
        assert chisquare(found, wanted).pvalue > 0.001, (given, free)


def test_impossible_cells_stay_empty(tmp_path: Path) -> None:
    population = tiny(
        tmp_path,
        {
            "a": ((), {(): [8, 1, 1]}),
            "b": (("a",), {("a0",): [1, 1, 0], ("a1",): [0, 1, 1], ("a2",): [1, 1, 1]}),
            "c": ((), {(): [1, 1]}),
        },
        {"a": ("a0", "a1", "a2"), "b": ("b0", "b1", "b2"), "c": ("c0", "c1")},
        [{"a": ["a2"], "b": ["b1"], "c": ["c0"]}],
    )
    drawn, report = balanced_generate(population, 600, axes=["a", "b", "c"])
    frame = drawn.to_frame()
    assert not ((frame["a"] == "a0") & (frame["b"] == "b2")).any()
    assert not ((frame["a"] == "a1") & (frame["b"] == "b0")).any()
    assert not ((frame["a"] == "a2") & (frame["b"] == "b1") & (frame["c"] == "c0")).any()
    assert max(axis.max_deviation for axis in report.axes) < 0.2


def test_seed_and_options_decide(de: Population) -> None:
    plain = balanced_generate(de, 60, seed=1)[0]
    assert same(plain, balanced_generate(de, 60, seed=1, axes=None, age=(18, 100), exclude={})[0])
    others = [
        balanced_generate(de, 60, seed=2)[0],
        balanced_generate(de, 61, seed=1)[0],
        balanced_generate(de, 60, seed=1, axes=["gender", "religion"])[0],
        balanced_generate(de, 60, seed=1, axes=["religion", "gender"])[0],
        balanced_generate(de, 60, seed=1, min_share=0.02)[0],
        balanced_generate(de, 60, seed=1, temperature=0.1)[0],
        balanced_generate(de, 60, seed=1, exclude={"religion": ["other"]})[0],
        sample(de, 60, seed=1),
    ]
    seen = set(plain.ids.tolist())
    for other in others:
        assert not seen & set(other.ids.tolist())
        seen |= set(other.ids.tolist())


# A change here means that every published set changes.
GOLDEN = [
    "65 male abitur_fh foreigner_immigrated RU hindu single retired heterosexual",
    "18 diverse hauptschule german_born_here GR hindu single pupil_student heterosexual",
    "58 female hauptschule german_born_here BY other divorced hotel_clerk homosexual",
    "38 diverse hauptschule foreigner_immigrated rest_australia_new_zealand muslim married "
    "retail_sales bisexual",
]


def test_documented_personas(de: Population) -> None:
    drawn = balanced_generate(de, 30, seed=42)[0][:4]
    assert [" ".join(map(str, p.attributes.values())) for p in drawn] == GOLDEN


def test_fewer_personas_than_groups(de: Population) -> None:
    for n in (1, 2, 5):
        drawn, report = balanced_generate(de, n)
        assert len(drawn) == n
        for axis in report.axes:
            assert max(axis.groups.values()) <= -(-n // len(axis.groups))


def test_a_set_can_be_selected_from_a_set(de: Population) -> None:
    drawn = balanced_generate(de, 400)[0]
    chosen, report = balanced_select(drawn, 100)
    assert set(chosen.ids.tolist()) < set(drawn.ids.tolist())
    assert max(axis.max_deviation - axis.allowed for axis in report.axes) < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n=0 is too small"),
        ({"n": "10"}, "n='10' is not a whole number"),
        ({"seed": 1.5}, "seed=1.5 is not a whole number"),
        ({"axes": ["gender", "gender"]}, "gender is named twice"),
        ({"axes": ["sex"]}, "there is no attribute 'sex'"),
        ({"axes": ["origin", "origin_region"]}, "both read from origin"),
        ({"min_share": 0.7}, "min_share=0.7"),
        ({"temperature": 3}, "temperature=3"),
        ({"age": (40, 20)}, "has no ages in it"),
        ({"axes": ["age", "origin", "occupation", "religion"]}, "; use fewer"),
    ],
)
def test_wrong_requests(de: Population, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        balanced_generate(de, **{"n": 10, **options})
    assert "\n" not in str(caught.value)
