"""Figures of the report against pandas and scipy."""

import json
import math

import pandas as pd
import pytest
from scipy.stats.contingency import association

from pluralens.personas.balancing import BalanceReport, balanced_generate, balanced_select
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample


def grouped(people: Personas, report: BalanceReport) -> pd.DataFrame:
    """Groups of the personas, from their values; missing where an axis does not apply."""
    frame = people.to_frame()
    columns = {}
    for axis in report.axes:
        group = {value: group for group, values in axis.merged.items() for value in values}
        column = frame[axis.axis].astype(str)
        column = column.map(lambda value, group=group: group.get(value, value))
        columns[axis.axis] = column.where(column != "not_applicable")
    return pd.DataFrame(columns)


def check(people: Personas, report: BalanceReport, pool: Personas | None) -> None:
    frame = grouped(people, report)
    before = None if pool is None else grouped(pool, report)
    for axis in report.axes:
        counts = frame[axis.axis].value_counts()
        assert {g: c for g, c in axis.groups.items() if c} == counts.to_dict()
        assert axis.not_applicable == frame[axis.axis].isna().sum()
        shares = pd.Series(axis.groups) / counts.sum()
        off = (shares - 1 / len(axis.groups)).abs().max() * 100
        assert axis.max_deviation == pytest.approx(off)
        if before is not None:
            assert set(axis.groups) == set(before[axis.axis].dropna())
            # The scarcest group is as far below as all of it together is, at the least.
            scarcest = before[axis.axis].value_counts().min() / counts.sum()
            assert axis.allowed >= 100 * (1 / len(axis.groups) - scarcest) - 1e-9
    assert len(report.associations) == len(report.axes) * (len(report.axes) - 1) // 2
    for pair in report.associations:
        a, b = pair.axes
        assert pair.cramers_v == pytest.approx(association(pd.crosstab(frame[a], frame[b])))
        if before is None:
            assert pair.pool is None
        else:
            assert pair.pool == pytest.approx(association(pd.crosstab(before[a], before[b])))


def test_generated(de: Population) -> None:
    people, report = balanced_generate(de, 500, age=(0, 100))
    assert report.method == "generate" and report.n == 500
    assert {axis.axis for axis in report.axes if axis.merged} == {"origin_subregion"}
    assert next(a for a in report.axes if a.axis == "sexuality").not_applicable > 50
    check(people, report, None)


def test_selected(de: Population) -> None:
    pool = sample(de, 3000, temperature=0.4, age=(10, 90))
    people, report = balanced_select(pool, 300, seed=2, min_share=0.02)
    assert report.method == "select" and report.min_share == 0.02
    check(people, report, pool)


def test_what_is_allowed_is_known_for_a_small_case(de: Population) -> None:
    pool = sample(de, 1000, age=(30, 60))
    frame = pool.to_frame()
    women = (frame["gender"] == "female").to_numpy().nonzero()[0]
    men = (frame["gender"] == "male").to_numpy().nonzero()[0]
    mixed = pool.take([*women[:10], *men[:200]])
    _, report = balanced_select(mixed, 100, axes=["gender"])
    # 10 of 100 instead of 50.
    assert dict(report.axes[0].groups) == {"female": 10, "male": 90}
    assert report.axes[0].allowed == pytest.approx(40) == report.axes[0].max_deviation
    assert report.associations == () and math.isnan(report.max_cramers_v)


def test_json(de: Population) -> None:
    pool = sample(de, 2000, temperature=0.8)
    _, report = balanced_select(pool, 200)
    content = report.to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["max_deviation"] == max(a["max_deviation"] for a in content["axes"].values())
    assert content["max_cramers_v"] == max(p["cramers_v"] for p in content["associations"])
    assert list(content["axes"]) == [axis.axis for axis in report.axes]
    # One group has no association: no number, and no NaN, which is no JSON.
    content = balanced_generate(
        de, 20, axes=["gender", "religion"], exclude={"gender": ["male", "diverse"]}
    )[1].to_json()
    assert content["associations"] == [
        {"axes": ["gender", "religion"], "cramers_v": None, "by_chance": None, "pool": None}
    ]
    assert content["max_cramers_v"] is None
    assert json.dumps(content, allow_nan=False)


def test_what_the_pool_lacks_and_what_chance_gives(de: Population) -> None:
    pool = sample(de, 800, age=(18, 64), exclude={"gender": ["diverse"]})
    _, report = balanced_select(pool, 30, axes=["gender", "age_bin", "religion"])
    content = report.to_json()
    assert content["axes"]["gender"]["missing"] == ["diverse"]
    assert content["axes"]["age_bin"]["missing"] == ["0-17", "65+"]
    assert "diverse" not in content["axes"]["gender"]["groups"]
    # Bergsma 2013: the square root of (the larger of rows and columns, less 1) / (n - 1).
    ages = sum(count > 0 for count in content["axes"]["age_bin"]["groups"].values())
    pair = content["associations"][0]
    assert pair["axes"] == ["gender", "age_bin"]
    assert pair["by_chance"] == pytest.approx(math.sqrt((max(2, ages) - 1) / 29))
