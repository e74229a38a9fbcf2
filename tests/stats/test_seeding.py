from pluralens.stats.seeding import cell_rng


def draw(seed: int, *labels: str) -> float:
    return float(cell_rng(seed, *labels).random())


def test_a_cell_has_its_own_stable_stream() -> None:
    assert draw(0, "gender", "f", "m") == draw(0, "gender", "f", "m")
    others = [(1, "gender", "f", "m"), (0, "gender", "m", "f"), (0, "genderf", "", "m")]
    assert all(draw(*other) != draw(0, "gender", "f", "m") for other in others)
