"""Simulated triplet studies for tests: a lean per triplet, a pull toward the teller, noise."""

import numpy as np
import pandas as pd
from scipy.stats import norm

__all__ = ["LEAN", "LEAN_SD", "NOISE_SD", "expected_stance", "study"]

SIDES = np.array([1, 0, -1])
TELLERS = np.array(["landlord", "neutral", "tenant"])
LEAN, LEAN_SD, NOISE_SD = 0.2, 0.4, 0.35


def expected_stance(side: int, pull: float) -> float:
    """Mean of the normal latent stance after it is clipped to [-1, 1], in closed form."""
    mean, sd = LEAN + side * pull, float(np.hypot(LEAN_SD, NOISE_SD))
    low, high = (-1 - mean) / sd, (1 - mean) / sd
    inside = mean * (norm.cdf(high) - norm.cdf(low)) - sd * (norm.pdf(high) - norm.pdf(low))
    return float(inside - norm.cdf(low) + norm.sf(high))


def study(
    rng: np.random.Generator,
    *,
    triplets: int = 36,
    prompts: int = 1,
    pull: float = 0.0,
    missing: float = 0.03,
) -> pd.DataFrame:
    """One study: `prompts` paraphrases per teller and triplet, some of them unscored."""
    shape = triplets, 3, prompts
    lean = LEAN + rng.normal(0, LEAN_SD, (triplets, 1, 1))
    stance = lean + pull * SIDES[:, None] + rng.normal(0, NOISE_SD, shape)
    stance = np.clip(stance, -1, 1)
    stance[rng.random(shape) < missing] = np.nan
    which, teller, paraphrase = (index.ravel() for index in np.indices(shape))
    return pd.DataFrame(
        {
            "triplet_id": which,
            "perspective": TELLERS[teller],
            "side": SIDES[teller],
            "stance": stance.ravel(),
            "outcome": np.where(np.isnan(stance.ravel()), "unscored", "stance"),
            "paraphrase": paraphrase,
        }
    )
