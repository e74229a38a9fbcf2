"""How much a ranking of components depends on the prompts it was made with.

Prompts are resampled by group, the components ranked anew by the absolute value of their mean
effect, and each ranking compared with the one of all prompts: Kendall's tau-b over all components,
and the overlap (Jaccard) of the k first. A resample shares about two thirds of its prompts with the
whole, so the figures describe how firm this ranking is, not how well one of other prompts would
agree.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pluralens.errors import InputError
from pluralens.stats.bootstrap import cluster_bootstrap
from pluralens.stats.clusters import check_level, cluster_sums
from pluralens.stats.seeding import cell_rng

__all__ = ["Resampled", "Stability", "kendall_tau", "ranking_stability"]

Floats = NDArray[np.float64]

# Signs of all pairs of components for some draws at once: 16 MB each.
_MAX_CELLS = 4_000_000


class Resampled(NamedTuple):
    """A figure over resamples.

    Attributes:
        mean: Over them; NaN where it is not defined in any.
        low: Lower end of the percentile interval.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


class Stability(NamedTuple):
    """How firm a ranking is.

    Attributes:
        tau: Kendall's tau-b with the ranking of all prompts, -1 to 1.
        jaccard: k -> share of components that both the k first of a resample and the k first of all
            prompts hold, of those that either holds; 0 to 1.
        n_components: Components with an effect.
        n_groups: Groups of prompts that were resampled.
        n_bootstrap: Resamples.
    """

    tau: Resampled
    jaccard: dict[int, Resampled]
    n_components: int
    n_groups: int
    n_bootstrap: int


def ranking_stability(
    effects: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    top: Sequence[int] = (5, 10),
    n_bootstrap: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Stability:
    """Resample prompts and compare the rankings.

    Args:
        effects: Effect per component and prompt, `[..., n]`; components in any shape.
        groups: Group of each prompt, `[n]`; None resamples prompts one by one.
        top: Numbers k of first components; those above the number of components are left out.
        n_bootstrap: Resamples.
        seed: Of the resamples.
        level: Confidence level.

    Returns:
        Agreement with the ranking of all prompts. A component whose effects are all NaN does not
        take part.

    Raises:
        InputError: Fewer than two components or groups, or an option is out of range.
    """
    check_level(level)
    values = np.asarray(effects, dtype=np.float64)
    values = values.reshape(-1, values.shape[-1])
    values = values[~np.isnan(values).all(axis=1)]
    if groups is not None and len(groups) != values.shape[1]:
        raise InputError(
            f"groups: {len(groups)} for {values.shape[1]} prompts; give one per prompt"
        )
    for k in top:
        if k < 1:
            raise InputError(f"top: {k} is too few; give at least 1")
    labels = None if groups is None else np.asarray(groups, dtype=np.str_)
    data = cluster_sums(values.T, labels)
    n_groups, n_components = data.sums.shape
    if n_components < 2:
        raise InputError("stability: fewer than two components; there is nothing to rank")
    if n_groups < 2:
        raise InputError("stability: fewer than two groups of prompts; give more data")
    drawn = np.abs(
        cluster_bootstrap(data, n_resamples=n_bootstrap, rng=cell_rng(seed, "stability"))
    )
    whole = np.abs(data.sums.sum(axis=0) / data.counts.sum(axis=0))
    jaccard = {
        k: _summary(_overlap(drawn, whole, k), level) for k in sorted(set(top)) if k <= n_components
    }
    tau = _summary(kendall_tau(drawn, whole), level)
    return Stability(tau, jaccard, n_components, n_groups, n_bootstrap)


def kendall_tau(rows: ArrayLike, reference: ArrayLike) -> Floats:
    """Kendall's tau-b of many rows of scores with one reference.

    (concordant - discordant) / sqrt((pairs not tied in the row) * (pairs not tied in the
    reference)) (Kendall 1945, Biometrika 33:239-251).

    Args:
        rows: `[rows, components]`.
        reference: `[components]`.

    Returns:
        `[rows]`; NaN where either has no two different scores.
    """
    scores, other = np.asarray(rows, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    first, second = np.triu_indices(len(other), 1)
    order = np.sign(other[first] - other[second])
    found = np.empty(len(scores))
    for chunk in _chunks(len(scores), max(1, len(first))):
        signs = np.sign(scores[chunk][:, first] - scores[chunk][:, second])
        untied = np.sqrt((signs != 0).sum(axis=1) * float((order != 0).sum()))
        with np.errstate(divide="ignore", invalid="ignore"):
            found[chunk] = np.where(untied > 0, signs @ order / untied, np.nan)
    return found


def _overlap(drawn: Floats, whole: Floats, k: int) -> Floats:
    """Jaccard index of the k first per draw; the component with the lower number wins a tie."""
    best = np.zeros(len(whole), dtype=np.bool_)
    best[np.argsort(-whole, kind="stable")[:k]] = True
    shared = best[np.argsort(-drawn, axis=1, kind="stable")[:, :k]].sum(axis=1)
    return np.asarray(shared / (2 * k - shared), dtype=np.float64)


def _summary(draws: Floats, level: float) -> Resampled:
    defined = draws[~np.isnan(draws)]
    if not defined.size:
        return Resampled(*(float("nan"),) * 3)
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return Resampled(float(defined.mean()), float(low), float(high))


def _chunks(n: int, width: int) -> Iterator[slice]:
    step = max(1, _MAX_CELLS // width)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
