"""The latent model behind the simulated Likert respondent: planted effects with an exact truth.

One persona's *favourability* on one item is, in points of the 1-5 scale,

    f = base[dimension] + sum over attributes of effect[attribute][value][dimension]
        + persona effect + item effect

An item with valence -1 is answered with 6 - f, any other with f; the reversed order shows the scale
upside down, so the number that a consistent respondent writes is mirrored once more. A preference
for large numbers (`order_bias`) is added to the *number written*, whatever the order, so that the
sum of a dual answer minus 6 has the expectation 2 * order_bias and the mirrored mean is free of it.

The number is drawn by stochastic rounding: with mu the value to be written and e one of
(-noise, 0, noise) with weights 1/4, 1/2, 1/4, P(r) = sum over e of w_e * max(0, 1 - |mu + e - r|).
Its expectation is exactly mu while mu +- noise stays within [1, 5]; the constructor refuses
parameters for which that is not so. Therefore every planted effect is the true effect in points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["LatentModel", "rating_probabilities"]

NOISE_WEIGHTS = ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25))
# A uniform distribution with standard deviation s reaches +- s * sqrt(3).
UNIFORM_REACH = 3.0**0.5

Effects = Mapping[str, Mapping[str, Mapping[str, float]]]


def rating_probabilities(written: float, noise: float) -> tuple[float, ...]:
    """Probabilities of writing 1, 2, 3, 4, 5 when the value to be written is `written`.

    Args:
        written: Expected number (points, 1-5), the order bias included.
        noise: Half-width of the symmetric noise (points).
    """
    return tuple(
        sum(w * max(0.0, 1.0 - abs(written + sign * noise - r)) for sign, w in NOISE_WEIGHTS)
        for r in range(1, 6)
    )


@dataclass(frozen=True)
class LatentModel:
    """A respondent whose every effect is known.

    Attributes:
        base: Favourability (points, 1-5) per dimension of a persona without any effect.
        effects: attribute -> value -> dimension -> points; attributes may be derived ones. Values
            are kept as text, so that an age may be written 30 or "30".
        persona_sd: Standard deviation of the (uniform) persona effect, points.
        item_sd: Standard deviation of the (uniform) item effect, points.
        noise: Half-width of the answer noise, points.
        order_bias: Points added to every number written, in either order.
        refusal_rate: Share of questions that are refused.
        invalid_rate: Share of replies that are no valid rating.
    """

    base: Mapping[str, float]
    effects: Effects = field(default_factory=dict)
    persona_sd: float = 0.2
    item_sd: float = 0.1
    noise: float = 0.4
    order_bias: float = 0.0
    refusal_rate: float = 0.0
    invalid_rate: float = 0.0

    def __post_init__(self) -> None:
        by_text = {
            attribute: {str(value): points for value, points in values.items()}
            for attribute, values in self.effects.items()
        }
        object.__setattr__(self, "effects", by_text)
        self._check_finite()
        for name in ("persona_sd", "item_sd", "noise"):
            if not 0 <= getattr(self, name) <= 2:
                raise InputError(f"simulated respondent: {name} must be in [0, 2] points")
        for name in ("refusal_rate", "invalid_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"simulated respondent: {name} must be in [0, 1]")
        for attribute, values in self.effects.items():
            for value, per_dimension in values.items():
                for dimension in per_dimension:
                    if dimension not in self.base:
                        raise InputError(
                            f"simulated respondent: effects.{attribute}.{value} names the "
                            f"dimension {dimension!r}, but base has only {', '.join(self.base)}"
                        )
        self._check_reach()

    def _check_finite(self) -> None:
        """Refuse NaN and infinity, which no comparison with the ends of the scale would notice."""
        if not self.base:
            raise InputError("simulated respondent: base is empty; give base: {dimension: points}")
        numbers = {f"base.{dimension}": points for dimension, points in self.base.items()}
        numbers["order_bias"] = self.order_bias
        numbers |= {
            f"effects.{attribute}.{value}.{dimension}": number
            for attribute, values in self.effects.items()
            for value, points in values.items()
            for dimension, number in points.items()
        }
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise InputError(
                    f"simulated respondent: {name}={number} must be a finite number of points"
                )

    def _check_reach(self) -> None:
        """Refuse parameters whose truth would be bent by the ends of the scale."""
        spread = (
            UNIFORM_REACH * (self.persona_sd + self.item_sd) + self.noise + abs(self.order_bias)
        )
        for dimension, base in self.base.items():
            per_attribute = [
                [v.get(dimension, 0.0) for v in values.values()] + [0.0]
                for values in self.effects.values()
            ]
            lowest = base + sum(min(e) for e in per_attribute) - spread
            highest = base + sum(max(e) for e in per_attribute) + spread
            # Items with valence -1 and the reversed order mirror the range around 3.
            if min(lowest, 6 - highest) < 1 - 1e-9:
                raise InputError(
                    f"simulated respondent: on {dimension} the values reach {lowest:.2f} to "
                    f"{highest:.2f}, outside the 1-5 scale, so the planted effects would not be "
                    "the true ones; make base, effects, noise or the standard deviations smaller"
                )

    def effect(self, attributes: Mapping[str, Any], dimension: str) -> float:
        """Sum of the planted effects on one dimension, points.

        Args:
            attributes: Attribute -> value, derived ones included; unknown ones have no effect.
            dimension: A dimension of `base`.
        """
        return sum(
            values.get(str(attributes.get(attribute)), {}).get(dimension, 0.0)
            for attribute, values in self.effects.items()
        )

    def written(self, favourability: float, valence: int, reversed_order: bool) -> float:
        """Expected number that is written for a favourability (points)."""
        semantic = 6.0 - favourability if valence < 0 else favourability
        return (6.0 - semantic if reversed_order else semantic) + self.order_bias

    def simulate(
        self,
        effect: "NDArray[Any]",
        valence: Sequence[int],
        dimension: Sequence[str],
        rng: "Generator",
        persona_effect: "NDArray[Any] | None" = None,
    ) -> "NDArray[Any]":
        """Draw ratings of many personas at once, by the same model that answers prompts.

        Args:
            effect: Planted effects, points, shape [n_personas, n_items].
            valence: -1, 0 or 1 per item.
            dimension: Dimension per item.
            rng: Source of all randomness.
            persona_effect: Shape [n_personas], points; drawn when not given.

        Returns:
            Raw ratings, shape [n_personas, n_items, 2] (normal, reversed); NaN where the
            question was refused or the reply invalid.
        """
        import numpy as np

        n_personas, n_items = effect.shape
        reach = UNIFORM_REACH
        own = rng.uniform(-1, 1, n_personas) * reach * self.persona_sd
        persona = np.asarray(own if persona_effect is None else persona_effect)
        item_effect = rng.uniform(-1, 1, n_items) * reach * self.item_sd
        base = np.array([self.base[d] for d in dimension])
        favourability = base + effect + persona[:, None] + item_effect
        semantic = np.where(np.asarray(valence) < 0, 6 - favourability, favourability)
        written = np.stack([semantic, 6 - semantic], axis=-1) + self.order_bias
        signs, weights = zip(*NOISE_WEIGHTS, strict=True)
        written = written + self.noise * rng.choice(signs, size=written.shape, p=weights)
        low = np.floor(written)
        raw = low + (rng.random(written.shape) < written - low)
        lost = rng.random(written.shape) < 1 - (1 - self.refusal_rate) * (1 - self.invalid_rate)
        return np.where(lost, np.nan, raw)
