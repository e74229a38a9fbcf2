"""The latent model behind the simulated tellers: a pull toward the teller, with an exact truth.

One answer's stance on the conflict's axis, from -1 to 1, is

    s = clip(lean of the triplet + pull * side + noise of the prompt, -1, 1)

where the lean is normal with mean `lean` and standard deviation `lean_sd`, drawn once per triplet
(its conflict and facts, whatever perspective, language or paraphrase), and the noise is normal with
standard deviation `noise`, drawn once per prompt. Clipping bends the truth, so the true gap is not
2 * pull but the difference of the clipped normal's expectations, which have a closed form.

Two tellers are no such sum: `two_faced` stands where its teller stands (+1, -1, and 0 when nobody
tells), and `random` is uniform from -1 to 1 whatever it is told.

When the user pushes back, the stance moves by `give_way` toward the user, and no further than 1.
"""

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import PCG64
    from numpy.typing import NDArray

__all__ = ["SIDES", "TELLERS", "StanceModel", "clipped_mean", "latent_scores", "true_gap"]

TELLERS = ("neutral", "sycophant", "contrarian", "two_faced", "refuser", "random")
SIDES = {"plus": 1, "minus": -1, "neutral": 0}

# Chances of 0 and 1 would be infinitely far out.
LEAST_CHANCE = 2.0**-53


def clipped_mean(mean: float, sd: float, low: float = -1.0, high: float = 1.0) -> float:
    """Expectation of a normal variable that is clipped.

    Args:
        mean: Of the variable, stance points.
        sd: Its standard deviation, 0 or more.
        low: What lies below becomes this.
        high: What lies above becomes this.
    """
    if sd == 0:
        return min(max(mean, low), high)
    normal = NormalDist(mean, sd)
    below, above = normal.cdf(low), 1 - normal.cdf(high)
    inside = mean * (1 - below - above) - sd**2 * (normal.pdf(high) - normal.pdf(low))
    return low * below + high * above + inside


def _uniform_mean(high: float) -> float:
    """Expectation of a uniform variable from -1 to 1 that is clipped at `high`."""
    high = min(max(high, -1.0), 1.0)
    return (high**2 - 1) / 4 + high * (1 - high) / 2


@dataclass(frozen=True)
class StanceModel:
    """How a teller's stances come about.

    Attributes:
        teller: One of `TELLERS`.
        strength: How far the stance is pulled, stance points: toward whoever asks by `sycophant`,
            away by `contrarian`; 0 for the others.
        lean: Mean over triplets of the lean, stance points.
        lean_sd: Its standard deviation between triplets.
        noise: Standard deviation of a prompt around its triplet.
        give_way: How far a push-back moves the stance toward the user, stance points.
        refusal_rate: Share of prompts that are refused, whatever the stance.
        empty_rate: Share of the others that are answered with nothing.
    """

    teller: str
    strength: float = 0.0
    lean: float = 0.0
    lean_sd: float = 0.25
    noise: float = 0.2
    give_way: float = 0.0
    refusal_rate: float = 0.0
    empty_rate: float = 0.0

    @property
    def pull(self) -> float:
        """Shift toward the side that asks, stance points; negative is away from it."""
        return -self.strength if self.teller == "contrarian" else self.strength

    def stance(self, side: int, cell: float, prompt: float) -> float:
        """One answer's stance.

        Args:
            side: Of whoever tells: +1, -1 or 0.
            cell: Chance of the triplet, in [0, 1).
            prompt: Chance of the prompt, in [0, 1).
        """
        if self.teller == "two_faced":
            return float(side)
        if self.teller == "random":
            return 2 * prompt - 1
        lean = self.lean + self.lean_sd * normal_draw(cell)
        return min(max(lean + self.pull * side + self.noise * normal_draw(prompt), -1.0), 1.0)

    def challenged(self, stance: float, side: int) -> float:
        """The stance after a push-back of whoever told it."""
        return min(max(stance + self.give_way * side, -1.0), 1.0)

    def expected(self, side: int, challenged: bool = False) -> float:
        """Expected stance, clipping included.

        Args:
            side: Of whoever tells: +1, -1 or 0.
            challenged: After the push-back, instead of before.
        """
        moved = self.give_way if challenged and side else 0.0
        if self.teller == "two_faced":
            return float(side)
        # Seen from the teller's side: min(s, 1 - moved) + moved.
        if self.teller == "random":
            toward = _uniform_mean(1 - moved)
        else:
            mean = (self.lean * side if side else self.lean) + self.pull * abs(side)
            spread = math.hypot(self.lean_sd, self.noise)
            toward = clipped_mean(mean, spread, high=1 - moved)
        return (toward + moved) * (side or 1)

    def planted(self) -> dict[str, Any]:
        """The parameters and the truth, for logs.

        Returns:
            The fields; `expected_plus`, `expected_minus`, `expected_neutral` and the same with
            `_challenged`; `gap`, `gap_challenged`; `uplift_plus`, `uplift_minus`: how far a teller
            gets the neutral stance moved toward its own side.
        """
        before = {name: self.expected(side) for name, side in SIDES.items()}
        after = {name: self.expected(side, challenged=True) for name, side in SIDES.items()}
        return {
            **asdict(self),
            **{f"expected_{name}": value for name, value in before.items()},
            **{f"expected_{name}_challenged": value for name, value in after.items()},
            "gap": before["plus"] - before["minus"],
            "gap_challenged": after["plus"] - after["minus"],
            "uplift_plus": before["plus"] - before["neutral"],
            "uplift_minus": before["neutral"] - before["minus"],
        }


def normal_draw(chance: float) -> float:
    """The standard normal number that a chance in [0, 1) stands for."""
    return NormalDist().inv_cdf(min(max(chance, LEAST_CHANCE), 1 - LEAST_CHANCE))


def true_gap(model: StanceModel) -> float:
    """Expected stance when the party at +1 asks, minus when the other does; clipping included."""
    return model.expected(1) - model.expected(-1)


def latent_scores(
    model: StanceModel, triplets: int, prompts: int, stream: "PCG64"
) -> "NDArray[Any]":
    """Draw the stances of whole studies at once, by the same model that answers prompts.

    Args:
        model: Of the teller.
        triplets: How many.
        prompts: Wordings of each, per side.
        stream: Source of all randomness; only its raw numbers are used.

    Returns:
        Stances, shape [triplets, sides in the order of `SIDES`, prompts]; NaN where the prompt was
        refused or answered with nothing.
    """
    import numpy as np
    from scipy.special import ndtri

    shape = triplets, len(SIDES), prompts

    def chances(*size: int) -> "NDArray[np.float64]":
        raw = np.asarray(stream.random_raw(math.prod(size)), dtype=np.uint64).reshape(size)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(chance: "NDArray[np.float64]") -> "NDArray[Any]":
        return np.asarray(ndtri(np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)))

    side = np.array(list(SIDES.values()), dtype=np.float64)[:, None]
    cell, prompt = chances(triplets, 1, 1), chances(*shape)
    if model.teller == "two_faced":
        stance = np.broadcast_to(side, shape).copy()
    elif model.teller == "random":
        stance = 2 * prompt - 1
    else:
        lean = model.lean + model.lean_sd * normal(cell)
        stance = np.clip(lean + model.pull * side + model.noise * normal(prompt), -1, 1)
    lost = chances(*shape) < 1 - (1 - model.refusal_rate) * (1 - model.empty_rate)
    return np.where(lost, np.nan, stance)
