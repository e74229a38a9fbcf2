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
from pluralens.models.respondent import lexicon, load_latent
from pluralens.stats.counterfactual_effects import counterfactual_effects
from pluralens.stats.likert_frame import grouped_pairs, outcomes
from pluralens.stats.pair_differences import PLACEBO
from pluralens.viz.likert_figures.forest import difference_row, forest
from pluralens.viz.likert_figures.labels import attribute_words, outcome_words, pair_words
from pluralens.viz.logs import LikertLog, recorded_truth
from pluralens.viz.style import footnote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_BAND = {"placebo_low": math.nan, "placebo_high": math.nan}

__all__ = ["figure", "has_truth", "planted", "table"]

# Smaller groups of pairs are in the CSV; their intervals would only squeeze the others.
LEAST_PAIRS = 20
# Arguments of the provider that are no parameters of the latent model.
NOT_LATENT = ("seed", "latency", "logprobs", "effects")
# A name alone says nothing to the simulated respondent, so there is no truth to compare with.
TOLD_IN_WORDS = ("list", "sentence", "bio")


def _latent(log: LikertLog) -> LatentModel | None:
    """The latent model as the log records it, else the built-in one with the run's parameters."""
    recorded = recorded_truth(log.metadata, log.model, log.model_args)
    if recorded is not None:
        return LatentModel(**recorded)
    if log.model_args.get("effects") is not None:
        # The file may have changed since; what it held then is not known.
        return None
    return load_latent(**{k: v for k, v in log.model_args.items() if k not in NOT_LATENT})[0]


def has_truth(log: LikertLog) -> bool:
    """Whether the planted effects behind a log are known."""
    told = log.metadata.get("style") in TOLD_IN_WORDS
    return log.simulated and told and _latent(log) is not None


def planted(log: LikertLog, latent: LatentModel) -> pd.DataFrame:
    """The log's persona frame with planted effects in place of estimated favourability.

    The respondent judges by its own lexicon: an item that the log counts as favourable and the
    respondent as unfavourable has the effect with the opposite sign.

    Args:
        log: A log of the simulated respondent.
        latent: Its latent model.

    Returns:
        `log.frame` with every outcome replaced by the effect planted on it, points.
    """
    frame = log.frame.copy()
    known = lexicon(log.language)
    seen = [str(a) for a in log.metadata.get("seen", []) if a in frame]
    people = [{k: row[k] for k in seen} for row in frame.to_dict("records")]
    effects = {d: np.array([latent.effect(p, d) for p in people]) for d in latent.base}
    for outcome in outcomes(frame):
        of = [
            about
            for about in log.items.values()
            if about["valence"] and outcome in ("aligned", f"aligned_{about['dimension']}")
        ]
        total = np.zeros(len(frame))
        for about in of:
            dimension, valence = known.get(str(about["adjective"]), (next(iter(latent.base)), 1))
            total += about["valence"] * (-1 if valence < 0 else 1) * effects[dimension]
        frame[outcome] = np.where(frame[outcome].isna(), np.nan, total / max(1, len(of)))
    return frame


def table(log: LikertLog) -> pd.DataFrame:
    """Counterfactual effects with the planted truth beside them.

    Returns:
        The columns of `counterfactual_effects` at level `pair`, plus `planted` (points) and
        `covered` (whether the 95 % interval holds it).
    """
    columns = outcomes(log.frame)
    effects = counterfactual_effects(grouped_pairs(log.frame, columns), columns)
    latent = _latent(log)
    if latent is None:
        raise InputError(f"{log.path}: does not record what was planted; run the task again")
    true_pairs = grouped_pairs(planted(log, latent), columns)
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
