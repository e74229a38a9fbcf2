from typing import Any

import pytest

from pluralens.personas.making import make_balanced_from, make_counterfactual, make_pool
from pluralens.personas.selection import Selection
from pluralens.personas.stored_form import problem_of


@pytest.fixture(scope="module")
def made() -> dict[str, Selection]:
    pool = make_pool("p", population="de", n=200, temperature={"religion": 0.5})
    balanced = make_balanced_from(pool, "b", n=20)
    pairs = make_counterfactual(balanced, "c", ["gender", "placebo"])
    return {one.kind: one for one in (pool, balanced, pairs)}


def test_what_is_made_has_the_form(made: dict[str, Selection]) -> None:
    for kind, one in made.items():
        assert problem_of(kind, one.parameters, one.report) is None
    assert problem_of("import", {"file": "a.csv", "sha256": "0"}, {}) is None


@pytest.mark.parametrize(
    ("kind", "part", "change", "place"),
    [
        ("pool", "parameters", {"age": "x"}, "parameters.age"),
        ("pool", "parameters", {"age": [18, "100"]}, "parameters.age.1"),
        ("pool", "parameters", {"age": [18]}, "parameters.age"),
        ("pool", "parameters", {"original_parent": 3}, "parameters.original_parent"),
        ("balanced", "report", {"axes": None}, "report.axes"),
        ("balanced", "report", {"axes": {}}, "report.axes"),
        ("balanced", "report", {"axes": {"gender": {"groups": {}}}}, "report.axes.gender."),
        ("balanced", "report", {"associations": [{"axes": ["a"]}]}, "report.associations.0.axes"),
        ("balanced", "report", {"method": "guess"}, "report.method"),
        ("counterfactual", "report", {"pairs": {"gender": "2"}}, "report.pairs.gender"),
        ("counterfactual", "report", {"skipped": [{}]}, "report.skipped.0.base_id"),
    ],
)
def test_another_form(
    made: dict[str, Selection], kind: str, part: str, change: dict[str, Any], place: str
) -> None:
    parts = {"parameters": made[kind].parameters, "report": made[kind].report}
    problem = problem_of(kind, **{**parts, part: {**parts[part], **change}})
    assert problem is not None and problem.startswith(place) and "\n" not in problem


def test_a_missing_report(made: dict[str, Selection]) -> None:
    for kind in ("balanced", "counterfactual"):
        problem = problem_of(kind, made[kind].parameters, {})
        assert problem is not None and problem.endswith("Field required")
