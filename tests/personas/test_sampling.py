from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.persona import Personas
from pluralens.personas.plan import Step
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import _draw, _uniforms, sample

# Seed, options -> the first personas. A change here means that every published pool changes: it
# needs a new `version` of the population, or it is a mistake.
GOLDEN: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"seed": 0},
        [
            "87 male realschule none DE christian married retired heterosexual",
            "38 male abitur_fh none DE unaffiliated married graphic_designer heterosexual",
            "67 male hauptschule none DE muslim widowed retired heterosexual",
            "56 female abitur_fh none DE christian married engineer heterosexual",
        ],
    ),
    (
        {"seed": 7, "temperature": 0.5, "age": (0, 100), "start": 10**12},
        [
            "10 male not_applicable german_born_here ES christian single pupil_student "
            "not_applicable",
            "52 female hauptschule german_immigrated MA muslim married electrician homosexual",
            "19 male abitur_fh none DE muslim single pupil_student heterosexual",
            "22 female in_school none DE christian single pupil_student heterosexual",
        ],
    ),
]


FOREIGN = [o for o in load_population("de").values("origin") if o != "DE"]


def same(a: Personas, b: Personas) -> bool:
    return list(a.ids) == list(b.ids) and all(
        np.array_equal(a.codes[name], b.codes[name]) for name in a.codes
    )


@pytest.mark.parametrize(("options", "expected"), GOLDEN)
def test_documented_personas(de: Population, options: dict[str, Any], expected: list[str]) -> None:
    drawn = sample(de, 4, **options)
    assert [" ".join(map(str, p.attributes.values())) for p in drawn] == expected


def test_chunks_are_slices(de: Population) -> None:
    whole = sample(de, 1000)
    assert same(whole[200:300], sample(de, 100, start=200))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    start=st.integers(0, 10**9),
    n=st.integers(1, 300),
    cut=st.integers(1, 299),
    seed=st.integers(-(2**70), 2**70),
    temperature=st.sampled_from([0.0, 0.3, 1.0, {"religion": 0.9}]),
)
def test_any_chunks_are_slices(
    de: Population, start: int, n: int, cut: int, seed: int, temperature: float
) -> None:
    options: dict[str, Any] = {"seed": seed, "temperature": temperature, "age": (0, 100)}
    whole = sample(de, n, start=start, **options)
    if cut < n:
        assert same(whole[:cut], sample(de, cut, start=start, **options))
        assert same(whole[cut:], sample(de, n - cut, start=start + cut, **options))


def test_the_stream_is_the_plain_pcg64_stream(de: Population) -> None:
    whole = _uniforms(de, 5, "religion", 0, 50)
    assert np.array_equal(_uniforms(de, 5, "religion", 20, 30), whole[20:])
    assert not np.array_equal(_uniforms(de, 6, "religion", 0, 50), whole)
    assert not np.array_equal(_uniforms(de, 5, "origin", 0, 50), whole)
    assert whole.min() >= 0 and whole.max() < 1
    bits = np.random.PCG64(12345)
    raw = np.random.PCG64(12345).random_raw(5)
    # What numpy itself makes of the raw numbers, today.
    assert np.array_equal((raw >> np.uint64(11)) * 2.0**-53, np.random.Generator(bits).random(5))


def test_what_comes_earlier_is_untouched_by_options_of_what_comes_later(de: Population) -> None:
    plain, hot = sample(de, 500), sample(de, 500, temperature={"religion": 1.0})
    for name in ("age", "gender", "education", "migration", "origin", "occupation"):
        assert np.array_equal(plain.codes[name], hot.codes[name])
    assert not np.array_equal(plain.codes["religion"], hot.codes["religion"])


# -- ids ------------------------------------------------------------------------------------------


def test_ids(de: Population, copy_of_de: Path) -> None:
    ids = sample(de, 20_000).ids.tolist()
    assert len(set(ids)) == len(ids)
    assert all(len(i) == 16 and set(i) <= set("0123456789abcdef") for i in ids)
    others = [
        sample(de, 100, seed=1),
        sample(de, 100, temperature=0.1),
        sample(de, 100, temperature={"religion": 0.1}),
        sample(de, 100, age=(18, 99)),
        sample(de, 100, exclude={"religion": ["other"]}),
    ]
    text = (copy_of_de / "religion.csv").read_text("utf-8")
    (copy_of_de / "religion.csv").write_text(text.replace("56.23", "56.24"), "utf-8")
    others.append(sample(load_population(copy_of_de), 100))
    seen = set(ids)
    for other in others:
        assert not seen & set(other.ids.tolist())
        seen |= set(other.ids.tolist())


def test_ids_do_not_depend_on_how_options_are_written(de: Population) -> None:
    plain = sample(de, 10, temperature=0.0, exclude={})
    for again in (
        sample(de, 10),
        sample(de, 10, temperature=dict.fromkeys(de.attributes, 0)),
        sample(de, 10, exclude={"religion": []}),
        sample(de, 10, age=(18, 100)),
    ):
        assert same(plain, again)
    one = sample(de, 10, temperature=0.5, exclude={"origin": ["TR", "PL"]})
    two = sample(
        de, 10, temperature=dict.fromkeys(de.attributes, 0.5), exclude={"origin": ("PL", "TR")}
    )
    assert same(one, two)


def test_a_new_version_is_a_new_draw(de: Population, copy_of_de: Path) -> None:
    manifest = copy_of_de / "population.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace('version: "1"', 'version: "2"'))
    assert not np.array_equal(
        sample(load_population(copy_of_de), 100).codes["age"], sample(de, 100).codes["age"]
    )


# -- distribution ---------------------------------------------------------------------------------


def test_zero_weight_never_comes_out_even_at_the_edges() -> None:
    weights = np.array([[0, 2, 0, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 7.0]])
    weights = np.concatenate([np.tile(weights, (400, 1)), weights])
    step = Step("x", ("row",), weights, np.zeros_like(weights, dtype=bool))
    rows = np.arange(len(weights), dtype=np.uint16)
    for u in (0.0, np.nextafter(2 / 3, 0), 2 / 3, np.nextafter(1, 0), 1 - 2.0**-40):
        drawn = _draw(step, {"row": rows}, np.full(len(rows), u))
        assert (weights[rows, drawn] > 0).all(), u
    high = _draw(step, {"row": rows}, np.full(len(rows), np.nextafter(1, 0)))
    assert high[:3].tolist() == [3, 0, 4] and (high.reshape(-1, 3) == [3, 0, 4]).all()


def test_impossible_contexts_have_no_place_in_the_search() -> None:
    weights = np.array([[1.0, 1], [0, 0], [0, 3], [0, 0], [2, 0]])
    step = Step("x", ("row",), weights, np.zeros_like(weights, dtype=bool))
    rows = np.array([0, 0, 2, 4, 2], dtype=np.uint8)
    assert _draw(step, {"row": rows}, np.array([0.1, 0.6, 0, 0.99, 0.99])).tolist() == [
        0, 1, 1, 0, 1,
    ]  # fmt: skip


def test_joint_distribution_of_a_population_with_rules(tmp_path: Path) -> None:
    population = tiny(
        tmp_path,
        {
            "a": ((), {(): [3, 1]}),
            "b": (("a",), {("a0",): [1, 1, 2], ("a1",): [0, 1, 4]}),
            "c": (("a",), {("a0",): [1, 3], ("a1",): [2, 2]}),
        },
        {"a": ("a0", "a1"), "b": ("b0", "b1", "b2"), "c": ("c0", "c1")},
        [{"b": ["b2"], "c": ["c1"]}],
    )
    expected = {
        ("a0", "b0", "c0"): 0.75 * 0.25 * 0.25,
        ("a0", "b0", "c1"): 0.75 * 0.25 * 0.75,
        ("a0", "b1", "c0"): 0.75 * 0.25 * 0.25,
        ("a0", "b1", "c1"): 0.75 * 0.25 * 0.75,
        ("a0", "b2", "c0"): 0.75 * 0.5,
        ("a1", "b1", "c0"): 0.25 * 0.2 * 0.5,
        ("a1", "b1", "c1"): 0.25 * 0.2 * 0.5,
        ("a1", "b2", "c0"): 0.25 * 0.8,
    }
    n = 200_000
    counts = sample(population, n, seed=4).to_frame().value_counts(["a", "b", "c"])
    counts = counts[counts > 0]
    assert set(counts.index) == set(expected)
    found = [counts[key] for key in expected]
    assert chisquare(found, [n * p for p in expected.values()]).pvalue > 0.001


# Shares of the band 60 to 64, Destatis, and of Germany, Pew, in percent.
MARRIED_60 = {"single": 13.5, "married": 65.4, "widowed": 5.3, "divorced": 15.8}
GERMAN = {
    "christian": 56.23,
    "muslim": 6.55,
    "unaffiliated": 36.15,
    "buddhist": 0.34,
    "hindu": 0.16,
    "jewish": 0.14,
    "other": 0.43,
}


@pytest.mark.parametrize("temperature", [0.0, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("attribute", "shares"), [("marital_status", MARRIED_60), ("religion", GERMAN)]
)
def test_temperature_raises_shares_to_a_power(
    de: Population, temperature: float, attribute: str, shares: dict[str, float]
) -> None:
    n = 100_000
    drawn = sample(
        de, n, seed=11, temperature=temperature, age=(60, 64), exclude={"origin": FOREIGN}
    )
    counts = drawn.to_frame()[attribute].value_counts()
    powers = {value: share ** (1 - temperature) for value, share in shares.items()}
    expected = [n * power / sum(powers.values()) for power in powers.values()]
    assert chisquare([counts[value] for value in powers], expected).pvalue > 0.001


def test_full_temperature_is_uniform_over_what_is_possible(de: Population) -> None:
    frame = sample(de, 300_000, seed=5, temperature=1.0, age=(0, 100)).to_frame()
    assert chisquare(frame["age"].value_counts()).pvalue > 0.001
    assert chisquare(frame["gender"].value_counts()).pvalue > 0.001
    foreign = frame[frame["migration"] != "none"]
    assert chisquare(foreign["origin"].value_counts().drop("DE")).pvalue > 0.001
    # Pew has 0.00 percent of three religions for Iraq: still none of them.
    iraq = frame[frame["origin"] == "IQ"]["religion"].value_counts()
    assert set(iraq[iraq > 0].index) == {"christian", "muslim", "other"}
    assert chisquare(iraq[iraq > 0]).pvalue > 0.001
    grown = frame[frame["age"].between(20, 24)]["marital_status"].value_counts()
    assert set(grown[grown > 0].index) == {"single", "married", "divorced"}


def test_one_attribute_can_be_hot_alone(de: Population) -> None:
    n = 50_000
    frame = sample(de, n, seed=2, temperature={"gender": 1.0}).to_frame()
    assert chisquare(frame["gender"].value_counts()).pvalue > 0.001
    german = frame[frame["origin"] == "DE"]
    hits = int((german["religion"] == "christian").sum())
    assert binomtest(hits, len(german), 0.5623).pvalue > 0.001


# -- options --------------------------------------------------------------------------------------


def test_default_is_adults_and_bounds_are_included(de: Population) -> None:
    ages = sample(de, 50_000).to_frame()["age"]
    assert ages.min() == 18 and ages.max() == 100
    ages = sample(de, 5_000, age=(3, 7)).to_frame()["age"]
    assert set(ages) == {3, 4, 5, 6, 7}
    assert set(sample(de, 50, age=(42, 42)).to_frame()["age"]) == {42}


def test_excluded_values_do_not_come(de: Population) -> None:
    excluded = {"religion": ["christian", "unaffiliated"], "age": [33, 34], "gender": ["male"]}
    frame = sample(de, 20_000, exclude=excluded).to_frame()
    for name, values in excluded.items():
        assert not frame[name].isin(values).any()
    # Proportions of what is left stay.
    german = frame[frame["origin"] == "DE"]
    rest = {v: s for v, s in GERMAN.items() if v not in excluded["religion"]}
    counts = german["religion"].value_counts()
    expected = [len(german) * share / sum(rest.values()) for share in rest.values()]
    assert chisquare([counts[value] for value in rest], expected).pvalue > 0.001


def test_without_germany_nobody_is_without_a_migration_background(de: Population) -> None:
    frame = sample(de, 5_000, exclude={"origin": ["DE"]}).to_frame()
    assert not (frame["migration"] == "none").any()
    assert not (frame["origin"] == "DE").any()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"n": 0}, "n=0 is too small; it must be at least 1"),
    ({"n": -5}, "n=-5 is too small"),
    ({"n": 1.5}, "n=1.5 is not a whole number"),
    ({"n": True}, "n=True is not a whole number"),
    ({"n": "10"}, "n='10' is not a whole number"),
    ({"n": None}, "n=None is not a whole number"),
    ({"seed": 0.5}, "seed=0.5 is not a whole number"),
    ({"start": -1}, "start=-1 is too small"),
    ({"start": 2**63}, "start=.* is too large"),
    ({"temperature": 1.01}, r"temperature=1.01 for age is not in \[0, 1\]"),
    ({"temperature": -0.1}, "temperature=-0.1"),
    ({"temperature": float("nan")}, "temperature=NaN"),
    ({"temperature": float("inf")}, "temperature=inf"),
    ({"temperature": "hot"}, "temperature='hot'"),
    ({"temperature": None}, "temperature=None"),
    ({"temperature": {"religion": 2}}, "temperature=2 for religion"),
    ({"temperature": {"religon": 0.5}}, "'religon'; the closest is 'religion'"),
    ({"temperature": {"age_bin": 0.5}}, "no drawn attribute 'age_bin'"),
    ({"age": (50, 20)}, r"age=\(50, 20\) has no ages in it"),
    ({"age": (-1, 20)}, r"stay within \(0, 100\)"),
    ({"age": (18, 200)}, r"stay within \(0, 100\)"),
    ({"age": 18}, "age=18 is not a pair"),
    ({"age": (18, 30, 40)}, "is not a pair"),
    ({"age": (18.0, 30)}, "age=18.0 is not a whole number"),
    ({"exclude": {"colour": ["red"]}}, "exclude: there is no drawn attribute"),
    ({"exclude": {"gender": ["men"]}}, "no value of gender 'men'"),
    ({"exclude": {"gender": "male"}}, "must be a list, not 'male'"),
    ({"exclude": {"gender": ["male", "female", "diverse"]}}, "all values of gender are excluded"),
    ({"age": (30, 30), "exclude": {"age": [30]}}, "leave no age to draw"),
    (
        {"exclude": {"migration": ["none"], "origin": FOREIGN}},
        "leave no age to draw",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_options(de: Population, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        sample(de, **{"n": 1, **options})
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers(de: Population) -> None:
    assert same(sample(de, np.int64(5), seed=np.int32(1)), sample(de, 5, seed=1))
