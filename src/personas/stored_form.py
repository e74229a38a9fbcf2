"""The form of what a selection says of itself: its parameters and its report, per kind.

Both come from files and stores, which anybody can edit; what reads them relies on this form.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = ["problem_of"]

Count = Annotated[int, Field(ge=0)]
Two = Field(min_length=2, max_length=2)


class _Form(BaseModel):
    # Further keys are free: who makes a selection may say more of it.
    model_config = ConfigDict(strict=True, extra="ignore")


class _Axis(_Form):
    groups: dict[str, Count]
    not_applicable: Count
    max_deviation: float | None
    allowed: float | None
    merged: dict[str, list[str]]
    small: list[str]
    missing: list[str] = []


class _Association(_Form):
    axes: Annotated[list[str], Two]
    cramers_v: float | None
    by_chance: float | None = None
    pool: float | None


class _Balance(_Form):
    method: Literal["generate", "select"]
    axes: Annotated[dict[str, _Axis], Field(min_length=1)]
    associations: list[_Association]


class _Skipped(_Form):
    base_id: str
    attribute: str
    reason: str


class _Pairs(_Form):
    pairs: dict[str, Count]
    skipped: list[_Skipped]


class _Parameters(_Form):
    n: Count | None = None
    age: Annotated[list[Count], Two] | None = None
    temperature: float | dict[str, float] | None = None
    exclude: dict[str, list[str | int]] | None = None
    axes: list[str] | None = None
    attributes: list[str] | None = None
    original_parent: str | None = None


REPORTS: Mapping[str, type[_Form]] = {"balanced": _Balance, "counterfactual": _Pairs}


def problem_of(kind: str, parameters: Mapping[str, Any], report: Mapping[str, Any]) -> str | None:
    """What is wrong with the parameters or the report of a selection.

    Args:
        kind: Of the selection.
        parameters: JSON values.
        report: JSON values.

    Returns:
        Where and what, `report.axes: Field required`; None if nothing is.
    """
    for name, form, content in (
        ("parameters", _Parameters, parameters),
        ("report", REPORTS.get(kind, _Form), report),
    ):
        try:
            form.model_validate(dict(content))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return f"{'.'.join((name, *map(str, first['loc'])))}: {first['msg']}"
    return None
