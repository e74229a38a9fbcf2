"""Heads and MLPs as one family: named, estimated, ranked."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralens.interp.stability import ranking_stability
from pluralens.sentences.items import BiasItem
from pluralens.sentences.occupations import mirrored
from pluralens.solvers.analyses.findings import NamedValues
from pluralens.stats.component_effects import (
    ComponentEffects,
    component_effects,
    twin_contrasts,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MEAN", "STEREOTYPE", "TOP", "Estimates", "component_names", "effect_arrays"]
__all__ += ["effect_figure", "estimated", "family", "occupation_shares", "stability", "top"]

TOP = 10
TOPS = (1, 3, 5, TOP, 20)
RESAMPLES = 500
STEREOTYPE = "along the stereotype: half of what differs between twin occupations"
MEAN = "mean over prompts"

Floats = NDArray[np.float64]


class Estimates(NamedTuple):
    """Effects of components, `[components]` each.

    Attributes:
        estimand: What `tested` is about, in words.
        tested: What is tested and ranked: along the stereotype where items are about occupations,
            else the mean.
        mean: The mean over prompts.
        values: What `tested` is the mean of, `[components, units]`.
        groups: Group of each unit; None where every unit is one.
    """

    estimand: str
    tested: ComponentEffects
    mean: ComponentEffects
    values: Floats
    groups: list[str] | None


def family(heads: NDArray[Any], mlps: NDArray[Any]) -> Floats:
    """Heads `[layers, heads, n]`, then MLPs `[layers, n]`, as `[components, n]`."""
    return np.concatenate([heads.reshape(-1, heads.shape[-1]), mlps]).astype(np.float64)


def component_names(layers: int, heads: int) -> list[str]:
    """Names in the order of `family`: hook point, and which head of it."""
    names = [f"blocks.{i}.attn.hook_z head {h}" for i in range(layers) for h in range(heads)]
    return names + [f"blocks.{i}.hook_mlp_out" for i in range(layers)]


def estimated(
    effects: Floats, items: Sequence[BiasItem], groups: Sequence[str] | None = None
) -> Estimates:
    """Estimate the mean effect of every component; all of them are one family of tests.

    Args:
        effects: Per item, `[components, n]`.
        items: The n items.
        groups: Groups coarser than the items' own, for the mean over prompts; None for those.
    """
    own = [item.group for item in items]
    wide = own if groups is None else list(groups)
    mean = component_effects(effects, wide)
    shares = occupation_shares(items)
    twins = mirrored(shares)
    if not any(shares[one] != shares[other] for one, other in twins.items()):
        return Estimates(MEAN, mean, mean, effects, wide)
    contrasts = twin_contrasts(effects, own, shares, twins).values
    return Estimates(STEREOTYPE, component_effects(contrasts), mean, contrasts, None)


def occupation_shares(items: Sequence[BiasItem]) -> dict[str, float]:
    """Women per occupation, percent; empty unless every item is about one."""
    shares = {item.group: item.share for item in items}
    known = {name: share for name, share in shares.items() if share is not None}
    return known if len(known) == len(shares) else {}


def effect_arrays(
    prefix: str, found: ComponentEffects, shape: tuple[int, int], *, all_columns: bool = True
) -> dict[str, NamedValues]:
    """Estimates as arrays for the log: `head_...` by layer and head, `mlp_...` by layer.

    Args:
        prefix: What they are, such as `effect`.
        found: In the order of `family`.
        shape: Layers and heads.
        all_columns: Standard errors and adjusted p values too, not only intervals and the mask.
    """
    columns = {
        "": found.mean,
        "_low": found.ci_low,
        "_high": found.ci_high,
        "_significant": found.significant.astype(np.int64),
    }
    if all_columns:
        columns |= {"_se": found.se, "_p_adjusted": found.p_adjusted}
    split = shape[0] * shape[1]
    arrays: dict[str, NamedValues] = {}
    for ending, values in columns.items():
        arrays[f"head_{prefix}{ending}"] = (("layer", "head"), values[:split].reshape(shape))
        arrays[f"mlp_{prefix}{ending}"] = (("layer",), values[split:])
    return arrays


def top(
    names: Sequence[str], found: ComponentEffects, most: int = TOP, column: str = "effect"
) -> list[dict[str, Any]]:
    """The components with the largest effects, whatever their sign."""
    order = np.argsort(-np.abs(np.nan_to_num(found.mean)), kind="stable")[:most]
    return [
        {
            "component": names[i],
            column: float(found.mean[i]),
            "ci_low": float(found.ci_low[i]),
            "ci_high": float(found.ci_high[i]),
            "p_adjusted": float(found.p_adjusted[i]),
        }
        for i in order
    ]


def stability(
    found: Estimates, seed: int, most: int | None = None
) -> tuple[dict[str, float], dict[str, NamedValues]]:
    """How firm the ranking by the tested effect is under other prompts.

    Args:
        found: The estimates.
        seed: Of the resamples.
        most: Only the first components; None for all.

    Returns:
        Numbers (NaN with a single unit, or where there are no ten components), and arrays:
        `stability_k` and the overlap of the first k, `stability_jaccard`, with its interval.
    """
    names = ("stability_tau", "stability_tau low", "stability_tau high", "stability_jaccard_10")
    values = found.values[:most]
    units = values.shape[1] if found.groups is None else len(set(found.groups))
    if units < 2 or len(values) < 2:
        return dict.fromkeys(names, math.nan), {}
    stable = ranking_stability(values, found.groups, top=TOPS, n_bootstrap=RESAMPLES, seed=seed)
    overlap = stable.jaccard[TOP].mean if TOP in stable.jaccard else math.nan
    arrays: dict[str, NamedValues] = {"stability_k": (("k",), np.array(list(stable.jaccard)))}
    for ending, column in (("", "mean"), ("_low", "low"), ("_high", "high")):
        overlaps = np.array([getattr(one, column) for one in stable.jaccard.values()])
        arrays[f"stability_jaccard{ending}"] = (("k",), overlaps)
    return dict(zip(names, (*stable.tau, overlap), strict=True)), arrays


def effect_figure(
    found: Estimates, prompts: int, shape: tuple[int, int], title: str, what: str
) -> "Figure":
    """Heads and MLPs by layer, as a heatmap.

    Args:
        found: Estimates in the order of `family`.
        prompts: How many they are of.
        shape: Layers and heads.
        title: What is shown, of what.
        what: What the numbers are called, without their unit.
    """
    from pluralens.viz.interp_figures.heatmap import component_frame, figure

    tested, split = found.tested, shape[0] * shape[1]
    frame = component_frame(
        tested.mean[:split].reshape(shape),
        tested.mean[split:],
        tested.significant[:split].reshape(shape),
        tested.significant[split:],
        np.stack([tested.ci_low, tested.ci_high]),
    )
    units, unit = "groups of prompts", f"{what} on the bias (nats)"
    if found.estimand == STEREOTYPE:
        units, unit = "pairs of twin occupations", f"{what} along the stereotype (nats)"
    note = (
        f"n={prompts:,} prompts, {tested.n_groups:,} {units}. Pale and dotted: not "
        "distinguishable from 0 (BH, 5 %). Lines: 95 % CI."
    )
    return figure(frame, title=title, unit=unit, note=note)
