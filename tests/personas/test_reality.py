import numpy as np
import pytest
from scipy.stats import chisquare

from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.reality import reality_sample
from pluralens.personas.sampling import sample

# Positions of the first documented sample.
GOLDEN = [1, 2, 4, 10, 11]


def test_members_of_the_pool_in_its_order(de: Population) -> None:
    pool = sample(de, 500)
    chosen = reality_sample(pool, 120, seed=3)
    place = {persona_id: i for i, persona_id in enumerate(pool.ids.tolist())}
    positions = [place[persona_id] for persona_id in chosen.ids.tolist()]
    assert len(positions) == 120 and positions == sorted(set(positions))
    assert [chosen[i] for i in range(120)] == [pool[i] for i in positions]


def test_seed_decides(de: Population) -> None:
    pool = sample(de, 500)
    ids = reality_sample(pool, 100, seed=3).ids.tolist()
    assert reality_sample(pool, 100, seed=3).ids.tolist() == ids
    assert reality_sample(pool, 100, seed=4).ids.tolist() != ids
    assert reality_sample(pool, 100).ids.tolist() == reality_sample(pool, 100, seed=0).ids.tolist()
    assert set(ids) < set(reality_sample(pool, 200, seed=3).ids.tolist())
    assert reality_sample(pool, 500, seed=3).ids.tolist() == pool.ids.tolist()


def test_documented_sample(de: Population) -> None:
    # A change here means that every published sample changes.
    pool = sample(de, 12)
    place = {persona_id: i for i, persona_id in enumerate(pool.ids.tolist())}
    assert [place[i] for i in reality_sample(pool, 5, seed=1).ids.tolist()] == GOLDEN


def test_all_have_the_same_chance(de: Population) -> None:
    pool = sample(de, 40)
    place = {persona_id: i for i, persona_id in enumerate(pool.ids.tolist())}
    counts = np.zeros(40)
    for seed in range(800):
        counts[[place[i] for i in reality_sample(pool, 10, seed=seed).ids.tolist()]] += 1
    # Without replacement counts vary less than chisquare expects, by the factor 30 / 39.
    assert chisquare(counts).pvalue > 0.001
    assert chisquare(counts).statistic > 12


def test_wrong_requests(de: Population) -> None:
    pool = sample(de, 10)
    with pytest.raises(InputError, match="n=11 is more than the 10 personas of the pool"):
        reality_sample(pool, 11)
    with pytest.raises(InputError, match="n=0 is too small"):
        reality_sample(pool, 0)
    with pytest.raises(InputError, match="n=2.5 is not a whole number"):
        reality_sample(pool, 2.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="n=1 is more than the 0 personas"):
        reality_sample(pool[:0], 1)
