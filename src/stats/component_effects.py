"""Which components of a network have an effect on a bias: intervals and tests over prompts.

Two questions, two estimands:

*Does the component move the metric?* The mean effect over prompts (`component_effects` on effects
as they are). Its null hypothesis, an expectation of exactly 0, is false for every component of
every network, random ones included: taking a head away moves the logits of "he" and "she" by
amounts that differ, and does so in much the same way after every prompt. With enough prompts
everything is significant, and nothing about bias has been shown.

*Does the component carry the stereotype?* The effect on the bias along the stereotype: how much
more the component moves the metric towards "he" after an occupation of men than after one of women
(`twin_contrasts`, then `component_effects` on those). What it does to all prompts alike cancels. In
a network that knows nothing about occupations which of two is called the men's is arbitrary, so the
expectation is 0, and this is what a test can be about. Occupations are compared with their twins
(`pluralens.sentences.occupations.mirrored`), which have as many words: effects depend on length,
and occupations of two words are not evenly spread over the labour market.

The units are groups of prompts (pairs of twins, target terms), never prompts: prompts about the
same occupation are not independent. Neither are pairs that share a word, such as two kinds of
engineer: they are averaged into one unit.

Calibration: of 600 random networks (GPT-2 of 2 x 4 heads, width 32, as initialised; 528 built-in
prompts, 27 units) 4.8 % had any significant head at a false discovery rate of 5 %, and 4.7 % of all
p values were below 0.05. Of the mean effects as they are, all 600 networks had significant ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval
from pluralens.stats.multiplicity import benjamini_hochberg

__all__ = ["ComponentEffects", "TwinContrasts", "component_effects", "twin_contrasts"]

Floats = NDArray[np.float64]

# Below, a t quantile says more about the fewness of the groups than about the effects.
_MIN_GROUPS = 5


class ComponentEffects(NamedTuple):
    """What is known about the mean effect of each component, arrays of the components' shape.

    Attributes:
        mean: The effects' unit (nats); every prompt counts once.
        se: Cluster-robust standard error.
        ci_low: Lower end of the t interval.
        ci_high: Upper end.
        p: Two-sided t test against 0; NaN with fewer than five groups.
        p_adjusted: Benjamini-Hochberg over all components.
        significant: Whether `p_adjusted` is at most `alpha`; False where it is NaN.
        n_prompts: Prompts (or contrasts) with an effect.
        n_groups: Groups of them.
    """

    mean: Floats
    se: Floats
    ci_low: Floats
    ci_high: Floats
    p: Floats
    p_adjusted: Floats
    significant: NDArray[np.bool_]
    n_prompts: int
    n_groups: int


class TwinContrasts(NamedTuple):
    """Effects along the stereotype, one per unit: a pair of twins, or pairs that share a word.

    Attributes:
        values: `[..., units]`: half of (mean in the group of men - mean in that of women), averaged
            over the unit's pairs.
        units: Pairs (group of men, group of women) of each unit, men and women by share.
        left_out: Groups without a twin among the prompts, or with one of the same share.
    """

    values: Floats
    units: tuple[tuple[tuple[str, str], ...], ...]
    left_out: tuple[str, ...]


def component_effects(
    effects: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    alpha: float = 0.05,
) -> ComponentEffects:
    """Estimate and test the mean effect of every component.

    mean +- t_{G-1} * se with the cluster-robust standard error over G groups.

    Args:
        effects: Effect per component and prompt, `[..., n]`; components in any shape.
        groups: Group of each prompt, `[n]`; None makes every prompt a group of its own, which is
            right for `twin_contrasts`.
        level: Confidence level of the intervals (each component for itself).
        alpha: False discovery rate of `significant`.

    Returns:
        Estimates in the components' shape.

    Raises:
        InputError: There are no prompts, `groups` is not as long as them, or a level is none.
    """
    check_level(level)
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha:g} does not lie between 0 and 1; give for example 0.05")
    values = _effects(effects)
    shape, n = values.shape[:-1], values.shape[-1]
    if groups is not None:
        _check_length(groups, n)
    labels = None if groups is None else np.asarray(groups, dtype=np.str_)
    estimate = estimate_mean(cluster_sums(values.reshape(-1, n).T, labels))
    low, high = t_interval(estimate, level)
    p = _t_test(estimate.mean, estimate.se, estimate.n_clusters)
    adjusted = benjamini_hochberg(p)
    return ComponentEffects(
        mean=estimate.mean.reshape(shape),
        se=estimate.se.reshape(shape),
        ci_low=low.reshape(shape),
        ci_high=high.reshape(shape),
        p=p.reshape(shape),
        p_adjusted=adjusted.reshape(shape),
        significant=np.asarray(adjusted <= alpha).reshape(shape),
        n_prompts=n,
        n_groups=n if labels is None else len(np.unique(labels)),
    )


def twin_contrasts(
    effects: ArrayLike,
    groups: Sequence[str],
    shares: Mapping[str, float],
    twins: Mapping[str, str],
) -> TwinContrasts:
    """Turn effects per prompt into effects along the stereotype per unit of twins.

    The bias along the stereotype is the mean over units of (bias after the occupation of men -
    bias after that of women) / 2. Applied to effects this gives what a component adds to it when
    it is ablated: negative values mean that the component carries it.

    Args:
        effects: Effect per component and prompt, `[..., n]`; the metric positive towards men.
        groups: Occupation of each prompt, `[n]`.
        shares: Occupation -> share of women, any unit.
        twins: Occupation -> its counterfactual, each the other's.

    Returns:
        Contrasts; those without two different shares are left out.

    Raises:
        InputError: There are no prompts, `groups` is not as long as them, a share is missing, or
            no two occupations are twins.
    """
    values = _effects(effects)
    _check_length(groups, values.shape[-1])
    labels, code = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    names = [str(label) for label in labels]
    for name in names:
        if name not in shares:
            raise InputError(f"shares: none for {name!r}; give one for every group")
    members = np.eye(len(names))[code]
    means = values @ (members / members.sum(axis=0))
    place = {name: index for index, name in enumerate(names)}
    pairs: list[tuple[str, str]] = []
    left_out: list[str] = []
    for name in names:
        twin = twins.get(name)
        if twin is None or twin not in place or shares[twin] == shares[name]:
            left_out.append(name)
        elif shares[name] < shares[twin]:
            pairs.append((name, twin))
    if not pairs:
        raise InputError(
            "twins: no two groups are each other's; give prompts about occupations of men and of "
            "women"
        )
    men, women = ([place[pair[side]] for pair in pairs] for side in (0, 1))
    contrasts = (means[..., men] - means[..., women]) / 2
    units = _units(pairs)
    values = np.stack([contrasts[..., unit].mean(axis=-1) for unit in units], axis=-1)
    named = tuple(tuple(pairs[index] for index in unit) for unit in units)
    return TwinContrasts(values, named, tuple(left_out))


def _units(pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
    """Indices of pairs, together where a chain of shared words links them."""
    units: list[list[int]] = []
    words: list[set[str]] = []
    for index, pair in enumerate(pairs):
        unit, own = [index], set(" ".join(pair).split())
        for other in reversed(range(len(units))):
            if words[other] & own:
                unit = units.pop(other) + unit
                own |= words.pop(other)
        units.append(sorted(unit))
        words.append(own)
    return units


def _effects(effects: ArrayLike) -> Floats:
    values = np.asarray(effects, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise InputError("effects: no prompts; give at least one usable item")
    return values


def _check_length(groups: Sequence[str], n: int) -> None:
    if len(groups) != n:
        raise InputError(f"groups: {len(groups)} for {n} prompts; give one per prompt")


def _t_test(mean: Floats, se: Floats, n_groups: NDArray[np.int64]) -> Floats:
    """Two-sided p values; 1 where there is no effect at all, NaN with too few groups."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((mean == 0) & (se == 0), 0.0, np.abs(mean) / se)
    p = 2 * student_t.sf(t, np.maximum(n_groups - 1, 1))
    return np.where(n_groups < _MIN_GROUPS, np.nan, p)
