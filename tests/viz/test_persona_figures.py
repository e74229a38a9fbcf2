"""The tables behind the persona figures, against pandas counting the same personas."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from scipy.stats.contingency import association as scipy_association

from pluralens.errors import InputError
from pluralens.personas.balancing import balanced_generate
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import sample
from pluralens.viz.persona_figures import age_pyramid, association, marginals
from pluralens.viz.persona_figures.ages import ages_of
from pluralens.viz.persona_figures.attributes import grouped, percent, shown, wrapped
from pluralens.viz.personas import draw_personas

PEOPLE = load_population("de")
POOL = sample(PEOPLE, 3000, seed=5)
AGES = (18, 100)


@pytest.fixture(scope="module")
def balanced() -> tuple[Personas, list[str], dict[str, Mapping[str, Sequence[str]]]]:
    personas, report = balanced_generate(PEOPLE, 600, seed=2)
    about = report.to_json()["axes"]
    return personas, list(about), {axis: of["merged"] for axis, of in about.items()}


def folder_population(folder: Path, values: Mapping[str, Sequence[str]]) -> Population:
    """Independent attributes, all values equally likely, labels in German only."""
    folder.mkdir()
    attributes = []
    for name, options in values.items():
        rows = ",".join(options) + "\n" + ",".join("1" for _ in options) + "\n"
        (folder / f"{name}.csv").write_text(rows, "utf-8")
        attributes.append(
            {
                "name": name,
                "label": {"de": f"Merkmal {name}"},
                "values": {option: {"de": f"{option} $x$ " * 9} for option in options},
                "table": f"{name}.csv",
                "source": {"title": "invented", "licence": "CC0"},
            }
        )
    about = {"id": "own", "version": "1", "title": {"de": "eigene"}, "languages": ["de"]}
    (folder / "population.yaml").write_text(json.dumps({**about, "attributes": attributes}))
    return load_population(folder)


def test_marginals_are_the_counts_of_pandas() -> None:
    table = marginals.table(POOL, AGES)
    frame = POOL.to_frame()
    assert list(table["attribute"].unique()) == list(PEOPLE.all_attributes)
    for attribute, part in table.groupby("attribute"):
        counts = frame[str(attribute)].astype(str).value_counts()
        found = part.set_index("value")["n"]
        assert found[found > 0].to_dict() == counts[counts > 0].to_dict()


def test_marginals_add_up() -> None:
    table = marginals.table(POOL, AGES).groupby("attribute")
    assert (table["n"].sum() == 3000).all() and (table["total"].first() == 3000).all()
    assert table["share"].sum().to_numpy() == pytest.approx(1.0)
    assert table["official_share"].sum().to_numpy() == pytest.approx(1.0)
    assert table["uniform_share"].count().sum() == 0


def test_wilson_intervals_are_scipys() -> None:
    table = marginals.table(POOL, AGES)
    for row in table[table["attribute"].isin(["gender", "religion", "age_bin"])].itertuples():
        expected = binomtest(row.n, row.total).proportion_ci(method="wilson")
        assert (row.ci_low, row.ci_high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_official_shares_are_what_a_large_draw_has() -> None:
    large = sample(PEOPLE, 400_000, seed=11, age=(30, 59))
    table = marginals.table(large, (30, 59))
    spread = np.sqrt(table["official_share"] * (1 - table["official_share"]) / 400_000)
    assert ((table["share"] - table["official_share"]).abs() <= 5 * spread + 1e-9).all()
    pyramid = age_pyramid.table(large, (30, 59))
    assert (pyramid["share"] - pyramid["official_share"]).abs().max() < 0.003
    pairs = association.table(large, (30, 59))
    off = (pairs["v"] - pairs["official_v"]).abs()
    assert (off < 0.01 + pairs["v_by_chance"]).all()


def test_pyramid_is_the_crosstab_of_pandas() -> None:
    table = age_pyramid.table(POOL, AGES)
    frame = POOL.to_frame()
    expected = pd.crosstab(frame["age"] // 5 * 5, frame["gender"].astype(str))
    found = table.assign(start=table["age_from"] // 5 * 5).pivot(
        index="start", columns="gender", values="n"
    )
    for gender in ("female", "male", "diverse"):
        assert found[gender].to_dict() == {
            **dict.fromkeys(found.index, 0),
            **expected.get(gender, pd.Series(dtype=int)).to_dict(),
        }
    assert table["n"].sum() == 3000
    assert table["share"].sum() == pytest.approx(1) == table["official_share"].sum()


def test_bands_end_where_the_ages_do() -> None:
    people = sample(PEOPLE, 50, seed=1, age=(19, 31))
    bands = age_pyramid.table(people, (19, 31))["band"].unique()
    assert list(bands) == ["19", "20-24", "25-29", "30-31"]
    assert age_pyramid.table(POOL, AGES)["band"].iloc[-1] == "100+"


def test_associations_are_scipys() -> None:
    table = association.table(POOL, AGES).set_index(["attribute", "other"])
    frame = POOL.to_frame()
    for pair in [
        ("religion", "origin_group"),
        ("marital_status", "age_bin"),
        ("gender", "age_bin"),
    ]:
        counts = pd.crosstab(*(frame[name].astype(str) for name in pair)).to_numpy()
        expected = scipy_association(counts, method="cramer", correction=False)
        assert table.loc[pair, "v"] == pytest.approx(expected)
        assert tuple(table.loc[pair, ["values", "other_values"]]) == counts.shape
    assert (table["n"] == 3000).all()
    # An attribute is not compared with what is read from it.
    assert ("origin_subregion", "origin_group") not in table.index
    # Every unordered pair once: nine attributes, origin in two ways.
    assert len(table) == 9 * 8 // 2 + 8


def test_an_attribute_with_one_value_has_no_association() -> None:
    men = POOL.take(np.flatnonzero(POOL.column("gender") == 1))
    table = association.table(men, AGES)
    with_gender = table[(table["attribute"] == "gender") | (table["other"] == "gender")]
    assert with_gender["v"].isna().all() and len(with_gender) == 9
    assert with_gender["official_v"].notna().all()


Balanced = tuple[Personas, list[str], dict[str, Mapping[str, Sequence[str]]]]


def test_a_balanced_set_has_uniform_shares_and_no_intervals(balanced: Balanced) -> None:
    personas, axes, merged = balanced
    table = marginals.table(personas, ages_of(personas), axes, merged, at_random=False)
    assert table[["ci_low", "ci_high"]].isna().all(axis=None)
    marked = table[table["uniform_share"].notna()].groupby("attribute")
    expected = {a for a in axes if not merged[a]} | {"origin_subregion_merged"}
    assert set(marked.groups) == expected
    assert marked["uniform_share"].sum().to_numpy() == pytest.approx(1.0)
    assert (marked["uniform_share"].nunique() == 1).all()
    # The set is balanced on the merged groups, and the table shows it so.
    assert (marked["share"].max() - marked["uniform_share"].first()).max() < 0.01


def test_merged_groups_hold_their_values(balanced: Balanced) -> None:
    personas, axes, merged = balanced
    table = marginals.table(personas, AGES, axes, merged)
    sums = table.groupby("attribute")[["n", "share", "official_share"]].sum()
    assert (sums["n"] == 600).all() and sums["official_share"].to_numpy() == pytest.approx(1.0)
    single = table[table["attribute"] == "origin_subregion"].set_index("value")["n"]
    groups = table[table["attribute"] == "origin_subregion_merged"].set_index("value")["n"]
    assert merged["origin_subregion"]
    for group, members in merged["origin_subregion"].items():
        assert groups[group] == single[list(members)].sum()
    pairs = association.table(personas, AGES, axes, merged).set_index(["attribute", "other"])
    assert pairs.loc[("religion", "origin_subregion_merged"), "v"] < 0.1
    assert ("origin_subregion", "origin_subregion_merged") not in pairs.index


def test_axes_of_not_applicable_values_leave_them_out() -> None:
    young = sample(PEOPLE, 500, seed=3, age=(10, 30))
    table = marginals.table(young, (10, 30), ["sexuality"]).set_index(["attribute", "value"])
    rows = table.loc["sexuality"]
    assert np.isnan(rows.loc["not_applicable", "uniform_share"])
    assert rows["uniform_share"].sum() == pytest.approx(1 - rows.loc["not_applicable", "share"])


def test_what_is_charted() -> None:
    assert "age" not in shown(PEOPLE) and "age_bin" in shown(PEOPLE)
    assert shown(PEOPLE, ["origin_region"]).count("origin_region") == 1
    assert "origin" in shown(PEOPLE) and "origin" not in grouped(PEOPLE)
    assert "origin_group" in grouped(PEOPLE) and "occupation" in grouped(PEOPLE)


def test_words() -> None:
    assert [percent(x) for x in (0, 0.00051, 0.123, 1)] == [
        "0.0\u00a0%",
        "0.05\u00a0%",
        "12.3\u00a0%",
        "100.0\u00a0%",
    ]
    assert wrapped("one two three four", 9) == "one two\nthree …"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_labels_do_not_overlap(theme: str, balanced: Balanced) -> None:
    from pluralens.viz.style import themed

    personas, axes, merged = balanced
    table = marginals.table(personas, AGES, axes, merged)
    with themed(theme):
        drawn = marginals.figure(table, "all", shown(PEOPLE, axes), "of all")
        drawn.canvas.draw()
        boxes = [
            text.get_window_extent()
            for one in drawn.axes
            for text in [*one.get_yticklabels(), one.title, *one.texts]
            if text.get_text()
        ]
    left = [b for b in boxes if b.x0 < 0]
    assert not left
    boxes.sort(key=lambda box: box.y0)
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if other.y0 >= box.y1 - 2:
                break
            assert box.x1 <= other.x0 + 1 or other.x1 <= box.x0 + 1, (box, other)


def test_a_population_without_ages_and_english_is_drawn(tmp_path: Path) -> None:
    people = folder_population(
        tmp_path / "own", {"kind": ["a", "b", "c"], "colour": [f"c{i}" for i in range(40)]}
    )
    personas = sample(people, 200, seed=1)
    written = draw_personas(personas, tmp_path / "out", ["svg"], title="own $x$")
    assert {p.name for p in written} == {
        f"{name}.{kind}" for name in ("marginals", "association") for kind in ("svg", "csv")
    }
    picture = (tmp_path / "out" / "marginals.svg").read_text("utf-8")
    assert "Merkmal kind" in picture and "28 other values" in picture and "$x$" in picture
    one = folder_population(tmp_path / "one", {"kind": ["a", "b"]})
    written = draw_personas(sample(one, 9), tmp_path / "single", ["png"], title="one")
    assert {p.name for p in written} == {"marginals.png", "marginals.csv"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": ["gendre"]}, "the closest is 'gender'"),
        ({"ages": (30, 40)}, "ages=30-40 leaves out personas"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        draw_personas(POOL, tmp_path / "out", ["png"], title="x", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_nobody_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no personas"):
        draw_personas(POOL[:0], tmp_path / "out", ["png"], title="x")
    assert not (tmp_path / "out").exists()
