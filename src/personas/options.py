"""What a caller may ask of the sampler, checked."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["AGE", "DEFAULT_AGE", "SamplingOptions", "how_many", "whole_number"]

# The one attribute that an option is named after.
AGE = "age"
DEFAULT_AGE = (18, 100)
# More personas than any machine holds at once.
MOST = 10**8


@dataclass(frozen=True)
class SamplingOptions:
    """What decides a persona beside the population, the seed and the index.

    Attributes:
        temperature: Attribute -> T, for attributes with T > 0.
        excluded: Attribute -> positions of values that are not drawn, the ages outside the range
            among them.
    """

    temperature: Mapping[str, float]
    excluded: Mapping[str, tuple[int, ...]]

    def canonical(self) -> list[Any]:
        """The same for all ways to write the same options."""
        return [
            sorted((name, repr(value)) for name, value in self.temperature.items()),
            sorted((name, sorted(codes)) for name, codes in self.excluded.items()),
        ]

    @classmethod
    def checked(
        cls,
        population: "Population",
        temperature: float | Mapping[str, float],
        age: tuple[int, int],
        exclude: Mapping[str, Collection[str | int]] | None,
    ) -> "SamplingOptions":
        """Check options as `pluralens.personas.sampling.sample` takes them.

        Raises:
            InputError: Naming the option, what is wrong and what would be right.
        """
        excluded: dict[str, set[int]] = {}
        if AGE in population.drawn:
            outside = _outside_age(population, age)
            if outside:
                excluded[AGE] = outside
        elif tuple(age) != DEFAULT_AGE:
            raise InputError(f"age: population {population.id} has no attribute age; leave it out")
        for name, values in (exclude or {}).items():
            _check_attribute(population, "exclude", name)
            if isinstance(values, (str, bytes)) or not isinstance(values, Collection):
                raise InputError(
                    f"exclude: the values of {name} must be a list, not {values!r}; "
                    f"write {{{name!r}: [{values!r}]}}"
                )
            codes = {population.code(name, value) for value in values}
            if len(codes) == len(population.values(name)):
                raise InputError(f"exclude: all values of {name} are excluded; keep at least one")
            if codes:
                excluded.setdefault(name, set()).update(codes)
        return cls(
            _temperatures(population, temperature),
            {name: tuple(sorted(codes)) for name, codes in excluded.items()},
        )


def whole_number(name: str, value: object, lowest: int | None = None) -> int:
    """A whole number, as Python or numpy has it.

    Raises:
        InputError: It is none, or below `lowest`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name}={value!r} is not a whole number; write for example {name}=100")
    if lowest is not None and value < lowest:
        raise InputError(f"{name}={value} is too small; it must be at least {lowest}")
    return int(value)


def how_many(n: object) -> int:
    """The number of personas to draw.

    Raises:
        InputError: It is no whole number, below 1, or beyond what can be held at once.
    """
    found = whole_number("n", n, 1)
    if found > MOST:
        raise InputError(f"n={n} personas are more than can be drawn at once; at most {MOST:,}")
    return found


def _temperatures(
    population: "Population", temperature: float | Mapping[str, float]
) -> dict[str, float]:
    if not isinstance(temperature, Mapping):
        temperature = dict.fromkeys(population.attributes, temperature)
    for name in temperature:
        _check_attribute(population, "temperature", name)
    checked = {name: _temperature(name, value) for name, value in temperature.items()}
    return {name: value for name, value in checked.items() if value}


def _temperature(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        shown = "NaN" if isinstance(value, float) and math.isnan(value) else repr(value)
        raise InputError(
            f"temperature={shown} for {name} is not in [0, 1]; "
            "0 draws the real distribution, 1 the uniform one"
        )
    return float(value)


def _outside_age(population: "Population", age: tuple[int, int]) -> set[int]:
    try:
        low, high = age
    except (TypeError, ValueError):
        raise InputError(f"age={age!r} is not a pair; write (youngest, oldest)") from None
    low, high = whole_number("age", low), whole_number("age", high)
    values = [int(value) for value in population.values(AGE)]
    if (low, high) != DEFAULT_AGE and (low < values[0] or high > values[-1]):
        raise InputError(
            f"age=({low}, {high}) leaves what population {population.id} has; "
            f"stay within ({values[0]}, {values[-1]})"
        )
    outside = {i for i, value in enumerate(values) if not low <= value <= high}
    if low > high or len(outside) == len(values):
        raise InputError(f"age=({low}, {high}) has no ages in it; write (youngest, oldest)")
    return outside


def _check_attribute(population: "Population", option: str, name: str) -> None:
    if name not in population.drawn:
        close = get_close_matches(str(name), population.attributes, n=1)
        hint = f"the closest is {close[0]!r}" if close else ", ".join(population.attributes)
        raise InputError(f"{option}: there is no drawn attribute {name!r}; {hint}")
