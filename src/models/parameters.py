"""Options (`-M`) of the simulated tellers, personaliser and graders, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from pluralens.errors import InputError
from pluralens.models.respondent import finite_number
from pluralens.models.telling import conflicts

__all__ = ["check_seed_and_scenario", "numbers_in_range"]


def check_seed_and_scenario(seed: Any, scenario: Any) -> None:
    """Check what both kinds have.

    Args:
        seed: A whole number.
        scenario: None, or the path of a scenario file as text.

    Raises:
        InputError: One of them is something else, or the scenario file is wrong.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed={seed!r} must be a whole number")
    if scenario is None:
        return
    if not isinstance(scenario, str):
        raise InputError(f"scenario={scenario!r} must be the path of one YAML file, as text")
    conflicts(scenario)


def numbers_in_range(
    model: str,
    given: Mapping[str, Any],
    ranges: Mapping[str, tuple[float, float]],
    others: Sequence[str] = ("seed", "latency", "scenario"),
) -> dict[str, float]:
    """Check numeric options.

    Args:
        model: Name of the simulated model.
        given: Option -> value.
        ranges: Option -> lowest and highest value; there are no other numbers.
        others: Options that are read elsewhere, for the message.

    Raises:
        InputError: An option is unknown or out of range.
    """
    numbers: dict[str, float] = {}
    for name, value in given.items():
        if name not in ranges:
            raise InputError(
                f"pluralens_sim/{model} has no such option: unknown parameter {name!r}; known are "
                f"{', '.join([*others, *ranges])}"
            )
        numbers[name] = finite_number(name, value)
        low, high = ranges[name]
        if not low <= numbers[name] <= high:
            raise InputError(f"{name}={value!r} must be a number from {low:g} to {high:g}")
    return numbers
