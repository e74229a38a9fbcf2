import csv
from typing import Any

import numpy as np
import pytest

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample
from pluralens.personas.shares import population_joint, population_shares

OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.8, "age": (0, 100), "exclude": {"origin": ["DE"], "gender": ["male"]}},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_many_samples_come_close(de: Population, options: dict[str, Any]) -> None:
    n = 1_000_000
    drawn = sample(de, n, seed=4, **options)
    for name in de.all_attributes:
        shares = population_shares(de, name, **options)
        assert shares.shape == (len(de.values(name)),)
        assert shares.sum() == pytest.approx(1.0, abs=1e-12)
        found = np.bincount(drawn.column(name), minlength=len(shares))
        assert not found[shares == 0].any()
        # Some 550 values in both tests: one beyond 5 standard errors in 3,000 runs. Values of
        # which less than ten are expected are no normal distribution.
        common = n * shares >= 10
        error = np.sqrt(n * shares * (1 - shares))[common]
        assert (np.abs(found - n * shares)[common] <= 5 * error + 1e-9).all(), name


def test_ages_are_the_official_ones(de: Population) -> None:
    text = data_file("populations", "de", "age.csv").read_text("utf-8")
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    counts = {int(age): float(count) for age, count in rows[1:]}
    adults = {age: count for age, count in counts.items() if age >= 18}
    old = sum(count for age, count in adults.items() if age >= 65) / sum(adults.values())
    shares = population_shares(de, "age_bin")
    assert shares[de.code("age_bin", "65+")] == pytest.approx(old, rel=1e-12)
    assert shares[de.code("age_bin", "0-17")] == 0


def test_migration_background_is_the_microcensus_share(de: Population) -> None:
    # 30.4 percent of all ages, microcensus 2024.
    share = 1 - population_shares(de, "migration", age=(0, 100))[de.code("migration", "none")]
    assert share == pytest.approx(0.304, abs=0.002)


def test_joint(de: Population) -> None:
    joint = population_joint(de, ["religion", "origin_region", "origin"])
    assert joint.shape == (7, 5, 77)
    assert np.allclose(joint.sum(axis=(1, 2)), population_shares(de, "religion"), rtol=1e-12)
    assert np.allclose(joint.sum(axis=(0, 1)), population_shares(de, "origin"), rtol=1e-12)
    # Everybody from Turkey is from Asia.
    turkey = joint[:, :, de.code("origin", "TR")].sum(axis=0)
    assert np.flatnonzero(turkey).tolist() == [de.code("origin_region", "Asia")]
    # Religion has no other parent than origin: 6.55 percent of Germans are Muslim (Pew).
    german = joint[:, :, de.code("origin", "DE")].sum(axis=1)
    assert german[de.code("religion", "muslim")] / german.sum() == pytest.approx(0.0655, abs=1e-4)


def test_wrong_requests(de: Population) -> None:
    with pytest.raises(InputError, match="no attribute 'religon'; the closest is 'religion'"):
        population_shares(de, "religon")
    with pytest.raises(InputError, match="name at least one, and each only once"):
        population_joint(de, ["age", "age"])
    with pytest.raises(InputError, match="name at least one"):
        population_joint(de, [])
    with pytest.raises(InputError, match="have too many combinations"):
        population_joint(de, ["age", "occupation", "origin", "religion", "marital_status"])
    with pytest.raises(InputError, match="temperature=2"):
        population_shares(de, "age", temperature=2)
