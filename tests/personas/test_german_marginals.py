"""One million residents of Germany against the official figures, and against common sense.

The figures in `tests/oracles/official_germany.json` are restated from the publications, not read
from the tables that are sampled. Those of the microcensus and Pew describe another age structure
than the population update that ages are drawn from; where that matters, the official shares per age
band and sex are weighted by the sample's own bands ("standardised").
"""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralens.personas.population import Population
from pluralens.personas.rules import forbidden_mask
from pluralens.personas.sampling import sample

ORACLES = Path(__file__).parents[1] / "oracles"
OFFICIAL: dict[str, Any] = json.loads((ORACLES / "official_germany.json").read_text("utf-8"))
OCCUPATIONS = Path(__file__).parents[2] / "datasets/populations/de/occupation_values.csv"
N = 1_000_000
# Percentage points, beside the sampling error of one million (0.05 at most).
CLOSE = 0.2


@pytest.fixture(scope="module")
def everyone(de: Population) -> pd.DataFrame:
    drawn = sample(de, N, seed=0, age=(0, 100))
    assert not forbidden_mask(de.rules, drawn.codes).any()
    return drawn.to_frame()


def percent(hits: Any) -> float:
    return 100 * float(hits.mean())


def within(value: float, share: float, n: int) -> bool:
    """Whether a percentage is within five standard errors, plus what rounding hides."""
    p = min(max(share / 100, 1e-9), 1 - 1e-9)
    return abs(value - share) <= 500 * float((p * (1 - p) / n) ** 0.5) + 0.06


def standardised(frame: pd.DataFrame, rows: list[dict[str, Any]], values: list[str]) -> pd.Series:
    """Official shares of values in percent, weighted by the sample's age bands and sexes."""
    total = pd.Series(0.0, index=values)
    people = 0
    for row in rows:
        inside = frame["age"].between(row["from"], row["to"] - 1)
        if "sex" in row:
            inside &= frame["gender"] == row["sex"]
        weights = pd.Series({value: float(row[value]) for value in values})
        total += inside.sum() * weights / weights.sum()
        people += int(inside.sum())
    return 100 * total / people


def test_oracle_adds_up() -> None:
    ages = OFFICIAL["age_by_sex"]
    assert sum(row["male"] + row["female"] for row in ages["rows"]) == ages["total"]
    rows = OFFICIAL["migration"]["rows"]
    kinds = ["foreigner_immigrated", "foreigner_born_here", "german_immigrated", "german_born_here"]
    with_background = sum(row[kind] for row in rows for kind in kinds)
    everyone = with_background + sum(row["without"] for row in rows)
    assert round(100 * with_background / everyone, 1) == 30.4


def test_age_and_gender(everyone: pd.DataFrame) -> None:
    total = OFFICIAL["age_by_sex"]["total"]
    for row in OFFICIAL["age_by_sex"]["rows"]:
        inside = everyone["age"].between(row["from"], row["to"] - 1)
        for sex in ("male", "female"):
            found = percent(inside & (everyone["gender"] == sex))
            assert abs(found - 100 * row[sex] / total) < CLOSE, (row, sex)
    for sex in ("male", "female"):
        share = 100 * sum(row[sex] for row in OFFICIAL["age_by_sex"]["rows"]) / total
        assert abs(percent(everyone["gender"] == sex) - share) < CLOSE
    assert within(percent(everyone["gender"] == "diverse"), 0.05, N)


def test_migration_background(everyone: pd.DataFrame) -> None:
    background = everyone["migration"] != "none"
    official = OFFICIAL["migration"]["with_background_all_ages_percent"]
    assert official == 30.4
    assert abs(percent(background) - official) < CLOSE
    kinds = ["foreigner_immigrated", "foreigner_born_here", "german_immigrated", "german_born_here"]
    binary = everyone[everyone["gender"] != "diverse"].rename(columns={"migration": "status"})
    shares = standardised(binary, OFFICIAL["migration"]["rows"], ["without", *kinds])
    for kind, share in shares.items():
        value = "none" if kind == "without" else kind
        assert abs(percent(binary["status"] == value) - share) < CLOSE, kind
    for row in OFFICIAL["migration"]["rows"]:
        inside = binary["age"].between(row["from"], row["to"] - 1) & (
            binary["gender"] == row["sex"]
        )
        found = percent(binary["status"][inside] != "none")
        assert within(found, row["with_background_percent"], int(inside.sum())), row


def test_migration_background_in_the_age_structure_of_the_microcensus(
    everyone: pd.DataFrame,
) -> None:
    hits = people = 0.0
    for row in OFFICIAL["migration"]["rows"]:
        inside = everyone["age"].between(row["from"], row["to"] - 1)
        inside &= everyone["gender"] == row["sex"]
        kinds = ["foreigner_immigrated", "foreigner_born_here", "german_immigrated"]
        size = row["without"] + sum(row[kind] for kind in [*kinds, "german_born_here"])
        hits += size * float((everyone["migration"][inside] != "none").mean())
        people += size
    assert 100 * hits / people == pytest.approx(30.4, abs=0.1)


def test_education(everyone: pd.DataFrame) -> None:
    values = ["in_school", "hauptschule", "polytechnic_gdr", "realschule", "abitur_fh", "none"]
    rows = OFFICIAL["education"]["rows"]
    grown = everyone[(everyone["age"] >= 15) & (everyone["gender"] != "diverse")]
    for value, share in standardised(grown, rows, values).items():
        assert abs(percent(grown["education"] == value) - share) < CLOSE, value
    for row in rows:
        inside = grown["age"].between(row["from"], row["to"] - 1) & (grown["gender"] == row["sex"])
        size = sum(row[value] for value in values)
        for value in values:
            found = percent(grown["education"][inside] == value)
            assert within(found, 100 * row[value] / size, int(inside.sum())), (row, value)
    under = everyone[everyone["age"] < 15]
    assert (under["education"] == "not_applicable").all()


def test_marital_status(everyone: pd.DataFrame) -> None:
    values = ["single", "married", "widowed", "divorced"]
    rows = OFFICIAL["marital_status"]["rows"]
    for value, share in standardised(everyone, rows, values).items():
        assert abs(percent(everyone["marital_status"] == value) - share) < CLOSE, value
    for row in rows:
        inside = everyone["age"].between(row["from"], row["to"] - 1)
        for value in values:
            found = percent(everyone["marital_status"][inside] == value)
            assert within(found, row[value], int(inside.sum())), (row, value)


def test_origin(everyone: pd.DataFrame) -> None:
    background = everyone[everyone["migration"] != "none"]
    total = OFFICIAL["foreigners"]["total"]
    for country, people in OFFICIAL["foreigners"]["countries"].items():
        found = percent(background["origin"] == country)
        assert abs(found - 100 * people / total) < CLOSE, country
    for subregion, people in OFFICIAL["foreigners"]["subregions"].items():
        found = percent(background["origin_subregion"] == subregion)
        assert abs(found - 100 * people / total) < CLOSE, subregion
    assert set(background["origin_subregion"].unique()) <= set(OFFICIAL["foreigners"]["subregions"])


def test_religion_of_origin(everyone: pd.DataFrame) -> None:
    for origin, shares in OFFICIAL["religion"]["rows"].items():
        religions = everyone["religion"][everyone["origin"] == origin]
        size = sum(shares.values())
        for religion, share in shares.items():
            found = percent(religions == religion)
            assert within(found, 100 * share / size, len(religions)), (origin, religion)
            if origin == "DE":
                assert abs(found - share) < CLOSE, religion


def test_sexuality(everyone: pd.DataFrame) -> None:
    grown = everyone[everyone["age"] >= 16]
    for value in ("heterosexual", "homosexual", "bisexual"):
        found = percent(grown["sexuality"] == value)
        assert abs(found - OFFICIAL["sexuality"][value]) < CLOSE
    assert (everyone["sexuality"][everyone["age"] < 16] == "not_applicable").all()
    assert not (grown["sexuality"] == "not_applicable").any()


def test_nobody_is_implausible(everyone: pd.DataFrame) -> None:
    age, job, school = everyone["age"], everyone["occupation"], everyone["education"]
    german = everyone["origin"] == "DE"
    native = everyone["migration"] == "none"
    busy = ~job.isin(["below_school_age", "pupil_student", "not_working", "retired"])
    implausible = {
        "a child that was married": (age < 18) & (everyone["marital_status"] != "single"),
        "a toddler with an occupation": (age < 6) & (job != "below_school_age"),
        "below school age at school": (age >= 6) & (job == "below_school_age"),
        "a child at work": (age < 15) & (age >= 6) & (job != "pupil_student"),
        "a young pensioner": (age < 50) & (job == "retired"),
        "a certificate before 15": (age < 15) & (school != "not_applicable"),
        "no word on schooling": (age >= 15) & (school == "not_applicable"),
        "Abitur at 16": (age < 17) & (school == "abitur_fh"),
        "a GDR certificate after the GDR": (age < 40) & (school == "polytechnic_gdr"),
        "an old pupil": (age >= 40) & (school == "in_school"),
        "a pupil at work": (school == "in_school") & (job != "pupil_student"),
        "a foreign origin without a background": ~german & native,
        "a German origin with a background": german & ~native,
    }
    assert {what: int(who.sum()) for what, who in implausible.items() if who.any()} == {}
    assert busy.mean() > 0.4


def test_occupations_keep_their_limits(everyone: pd.DataFrame) -> None:
    rank = {"none": 0, "hauptschule": 1, "polytechnic_gdr": 2, "realschule": 2, "abitur_fh": 3}
    lines = [line for line in OCCUPATIONS.read_text("utf-8").splitlines() if line[0] != "#"]
    occupations = list(csv.DictReader(lines))
    working = [row for row in occupations if row["min_age"]]
    assert len(working) >= 40 and len(occupations) == len(working) + 4
    by_job = everyone.groupby("occupation", observed=True)
    ages, schools = by_job["age"].agg(["min", "max"]), by_job["education"].unique()
    for row in working:
        job = row["value"]
        assert job in ages.index, f"nobody is {job}"
        assert ages.loc[job, "min"] >= int(row["min_age"]) >= 15
        assert ages.loc[job, "max"] <= int(row["max_age"] or 100)
        least = rank[row["min_certificate"] or "none"]
        assert all(rank[school] >= least for school in schools[job]), job
