"""Planted and recovered: the paired effects of a simulated respondent beside their exact truth.

Only for logs of `pluralens_sim/likert`. The truth of an effect is the mean, over the very pairs
that estimate it, of what the latent model says about twin and base.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.models.latent import LatentModel
from pluralens.models.respondent import load_latent
from pluralens.stats.counterfactual_effects import counterfactual_effects
from pluralens.stats.likert_frame import grouped_pairs, outcomes
from pluralens.stats.pair_differences import PLACEBO
from pluralens.viz.likert_figures.forest import difference_row, forest
from pluralens.viz.likert_figures.labels import attribute_words, outcome_words, pair_words
from pluralens.viz.logs import LikertLog
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_BAND = {"placebo_low": math.nan, "placebo_high": math.nan}

__all__ = ["figure", "planted", "table"]

# Smaller groups of pairs are in the CSV; their intervals would only squeeze the others.
LEAST_PAIRS = 20
# Arguments of the provider that are no parameters of the latent model.
NOT_LATENT = ("seed", "latency", "logprobs", "effects")


def _latent(log: LikertLog) -> LatentModel:
    overrides = {k: v for k, v in log.model_args.items() if k not in NOT_LATENT}
    return load_latent(log.model_args.get("effects"), **overrides)[0]


def planted(log: LikertLog, latent: LatentModel) -> pd.DataFrame:
    """The log's persona frame with true instead of estimated favourability.

    Args:
        log: A log of the simulated respondent.
        latent: Its latent model.

    Returns:
        `log.frame` with every outcome replaced by the persona's planted effect on it, points.
    """
    frame = log.frame.copy()
    valued = [i for i in log.items.values() if i["valence"] != 0]
    people: list[dict[Any, Any]] = frame.to_dict("records")
    for outcome in outcomes(frame):
        dimension = outcome.removeprefix("aligned_")
        of = [i["dimension"] for i in valued if outcome == "aligned" or i["dimension"] == dimension]
        share = pd.Series(of).value_counts(normalize=True)
        for name in share.index:
            if name not in latent.base:
                raise InputError(
                    f"{log.path}: items of dimension {name!r} have no planted truth; the planted "
                    f"effects know {', '.join(latent.base)}"
                )
        frame[outcome] = [
            math.fsum(weight * latent.effect(person, str(name)) for name, weight in share.items())
            if not math.isnan(person[outcome])
            else math.nan
            for person in people
        ]
    return frame


def table(log: LikertLog) -> pd.DataFrame:
    """Counterfactual effects with the planted truth beside them.

    Returns:
        The columns of `counterfactual_effects` at level `pair`, plus `planted` (points) and
        `covered` (whether the 95 % interval holds it).
    """
    columns = outcomes(log.frame)
    effects = counterfactual_effects(grouped_pairs(log.frame, columns), columns)
    true_pairs = grouped_pairs(planted(log, _latent(log)), columns)
    effects = effects[effects["level"] == "pair"].reset_index(drop=True)
    truth = [_true_mean(true_pairs, row) for row in effects.to_dict("records")]
    effects["planted"] = np.array(truth)
    inside = (effects["ci_low"] <= effects["planted"]) & (effects["planted"] <= effects["ci_high"])
    effects["covered"] = inside.where(effects["ci_low"].notna())
    return effects


def _true_mean(pairs: pd.DataFrame, row: Mapping[Any, Any]) -> float:
    """Mean true difference of the pairs behind one row, turned to value minus reference."""
    same = pairs[pairs["attribute"] == row["attribute"]]
    ends = same["from_value"] + "\n" + same["to_value"]
    forward = same.loc[ends == f"{row['reference']}\n{row['value']}", row["outcome"]]
    back = same.loc[ends == f"{row['value']}\n{row['reference']}", row["outcome"]]
    return float(pd.concat([forward, -back]).mean())


def figure(effects: pd.DataFrame, title: str) -> "Figure":
    """Every effect with its interval and, as a diamond, what was planted."""
    part = effects[(effects["attribute"] != PLACEBO) & (effects["n_pairs"] >= LEAST_PAIRS)]
    part = part[part["ci_low"].notna()]
    rows = []
    for row in part.to_dict("records"):
        pair = f"{pair_words(row)} (n={row['n_pairs']:,} pairs)"
        section = f"{attribute_words(row['attribute'])}: {pair}"
        plain = difference_row(section, outcome_words(row["outcome"]), {**row, **NO_BAND})
        rows.append(plain._replace(truth=row["planted"], strong=True))
    drawn = forest(
        rows,
        title=f"Planted effects (diamonds) and what the pipeline recovers\n{title}",
        xlabel="paired difference of mean ratings, points on the 1-5 scale",
    )
    covered, total = int(part["covered"].sum()), len(part)
    footnote(
        drawn.axes[0],
        f"Simulated respondent with known effects. {covered} of {total} 95 % intervals hold the "
        "planted value (95 % expected).",
    )
    return drawn
