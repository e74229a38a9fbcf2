"""What is printed of a balance report, and which associations are warned of."""

from typing import Any

import pytest

from pluralens.commands.reports import show_balance


def axis(**more: Any) -> dict[str, Any]:
    return {
        "groups": {"a": 5, "b": 5}, "not_applicable": 0, "max_deviation": 0.0, "allowed": 0.0,
        "merged": {}, "small": [], "missing": [], **more,
    }  # fmt: skip


def pair(one: str, other: str, v: float | None, chance: float, pool: float | None) -> Any:
    return {"axes": [one, other], "cramers_v": v, "by_chance": chance, "pool": pool}


def report(method: str, *pairs: Any, **axes: Any) -> dict[str, Any]:
    return {"method": method, "axes": axes, "associations": list(pairs)}


def test_every_pair_above_pool_and_chance_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    names = {name: axis() for name in ("migration", "sexuality", "gender", "age")}
    show_balance(
        report(
            "select",
            pair("migration", "sexuality", 0.52, 0.1, 0.01),
            pair("migration", "gender", 0.6, 0.1, 0.7),
            pair("migration", "age", 0.3, 0.2, 0.02),
            pair("sexuality", "gender", 0.2, 0.25, 0.01),
            pair("sexuality", "age", 0.09, 0.01, 0.01),
            pair("gender", "age", None, 0.1, 0.1),
            **names,
        )
    )
    told = capsys.readouterr().out.splitlines()
    start = told.index("associated more than in the pool:")
    assert told[start + 1 : start + 3] == [
        "  migration x sexuality 0.52 (in the pool 0.01)",
        "  migration x age 0.30 (in the pool 0.02)",
    ]
    assert "--population in place of --from" in told[start + 3] and len(told) == start + 4


def test_a_generated_set_has_no_pool(capsys: pytest.CaptureFixture[str]) -> None:
    show_balance(report("generate", pair("a", "b", 0.4, 0.05, None), a=axis(), b=axis()))
    told = capsys.readouterr().out
    assert "  a x b 0.40 (by chance 0.05)" in told
    assert "pool" not in told and "--population" not in told
    show_balance(report("generate", pair("a", "b", 0.4, 0.41, None), a=axis(), b=axis()))
    assert "associated" not in capsys.readouterr().out


def test_values_without_anybody_and_small_groups(capsys: pytest.CaptureFixture[str]) -> None:
    many = [f"v{i}" for i in range(20)]
    axes = {"gender": axis(missing=["diverse"]), "origin": axis(small=["Oceania"], missing=many)}
    show_balance(report("select", **axes))
    told = capsys.readouterr().out
    assert "gender: not in the pool, so not counted: diverse" in told
    assert (
        "origin: below --min-share, no region left to join: Oceania" in told
        and "v11 and 8 more" in told
    )
