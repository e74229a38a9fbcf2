"""The full table of two views."""

import pytest

from pluralens.scenarios.relationship import VIEWS, relationship

# Rows: what the landlord thinks of the tenant; columns: the other way round.
TABLE = {
    "good": {"good": "good", "neutral": "leaning_good", "poor": "one_sided_landlord"},
    "neutral": {"good": "leaning_good", "neutral": "neutral", "poor": "leaning_bad"},
    "poor": {"good": "one_sided_tenant", "neutral": "leaning_bad", "poor": "bad"},
}


def test_the_table_is_full() -> None:
    assert set(TABLE) == set(VIEWS) and all(set(row) == set(VIEWS) for row in TABLE.values())


@pytest.mark.parametrize("minus_view", VIEWS)
@pytest.mark.parametrize("plus_view", VIEWS)
def test_every_pair_of_views(plus_view: str, minus_view: str) -> None:
    found = relationship(plus_view, minus_view, plus="landlord", minus="tenant")
    assert found == TABLE[plus_view][minus_view]


@pytest.mark.parametrize("views", [("bad", "good"), ("good", "")])
def test_a_view_that_is_none(views: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is no view; use one of good, neutral, poor"):
        relationship(*views, plus="landlord", minus="tenant")
