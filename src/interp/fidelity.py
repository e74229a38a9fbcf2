"""How well attribution scores agree with what they approximate: exact replacement.

On a seeded subsample of prompts every component is replaced by the baseline's activation, and
metric(clean) - metric(replaced) is compared with the scores, for heads, MLPs and residual streams
apart. What a ranking is made of is the mean over prompts (between twins in the pairs' own
direction), so the correlations are over components, of such means over the subsample; the relative
error is over all components and prompts, ||scores - exact|| / ||exact||. The agreement is `low`
where either correlation is below `ENOUGH`, or where there is no ranking to compare: such scores
must not be shown as one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.interp.attribution import (
    BASELINES,
    Attribution,
    Baseline,
    Given,
    open_batches,
    sides_of,
)
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.interventions import Replaced, replace_each
from pluralens.interp.memory import Rows, fits_in_memory
from pluralens.interp.run_factory import run_factory
from pluralens.stats.seeding import cell_rng

__all__ = ["ENOUGH", "KINDS", "Agreement", "Fidelity", "Kind", "exact_scores", "fidelity"]

Kind = Literal["heads", "mlps", "resids"]
KINDS: tuple[Kind, ...] = ("heads", "mlps", "resids")

ENOUGH = 0.8
"""Least Pearson and Spearman correlation of component means that is not called low."""

# Three points are on a line by accident too often.
_FEWEST_COMPONENTS = 4
_ROUNDING = 1e-4

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """Scores against exact replacement for one kind of component.

    Attributes:
        pearson: Over components, of means over prompts; NaN where one side does not vary, as that
            of residual streams between twins, each of which carries everything.
        spearman: Likewise, of ranks.
        pearson_per_prompt: Over components and prompts.
        relative_error: ||scores - exact|| / ||exact|| over components and prompts; NaN where
            nothing has an effect.
        components: How many.
        prompts: How many.
        verdict: `low` or `enough`.
        reason: Why it is low; empty if it is not.
    """

    pearson: float
    spearman: float
    pearson_per_prompt: float
    relative_error: float
    components: int
    prompts: int
    verdict: Literal["low", "enough"]
    reason: str


@dataclass(frozen=True)
class Fidelity:
    """Agreement of each kind, and which prompts it was measured on.

    Attributes:
        agreement: By kind.
        prompts: Ids of the subsample.
        seed: Of the subsample.
    """

    agreement: dict[Kind, Agreement]
    prompts: tuple[str, ...]
    seed: int


def fidelity(
    checkpoint: Checkpoint,
    items: Given,
    scores: Attribution,
    *,
    prompts: int = 16,
    seed: int = 0,
    rows: Rows = "auto",
    fast: bool | None = None,
) -> Fidelity:
    """Compare scores with exact replacement on a subsample.

    Args:
        checkpoint: The checkpoint that was attributed.
        items: The items that were, in the same order.
        scores: What is compared.
        prompts: Size of the subsample; all if there are fewer.
        seed: Of the subsample.
        rows: Tokens computed at once.
        fast: As in `attribute`.

    Returns:
        Agreement for heads, MLPs and residual streams.

    Raises:
        InputError: Other items than those scored, fewer than one prompt, or not enough memory.
    """
    if prompts < 1:
        raise InputError(f"fidelity_prompts: {prompts} is too few; give at least 1")
    clean, corrupt, groups = sides_of(items)
    if tuple(item.id for item in clean) != scores.ids:
        raise InputError("fidelity: these are not the items that were scored; give the same ones")
    # Smallest of random keys, not Generator.choice: the same on every version of numpy.
    keys = cell_rng(seed, "fidelity").random(len(clean))
    chosen = sorted(np.argsort(keys, kind="stable")[:prompts].tolist())
    baseline = next(known for known in BASELINES if known == scores.about["baseline"])
    exact = exact_scores(checkpoint, items, baseline=baseline, members=chosen, rows=rows, fast=fast)
    # Twins in both orders would cancel in a mean, and leave the correlation of two roundings.
    direction = scores.direction[chosen]
    agreement = {
        kind: _agreement(
            getattr(scores, kind)[..., chosen] * direction, getattr(exact, kind) * direction
        )
        for kind in KINDS
    }
    return Fidelity(agreement, tuple(scores.ids[i] for i in chosen), seed)


def exact_scores(
    checkpoint: Checkpoint,
    items: Given,
    *,
    baseline: Baseline,
    members: list[int] | None = None,
    rows: Rows = "auto",
    fast: bool | None = None,
) -> Replaced:
    """What the scores approximate: metric(clean) - metric(one component replaced).

    Args:
        checkpoint: The checkpoint.
        items: All items; the baseline `mean` is over all of them.
        baseline: What replaces.
        members: Places of the items to compute; None for all.
        rows: Tokens computed at once.
        fast: As in `attribute`.

    Returns:
        Arrays whose last axis are the members, in order.

    Raises:
        InputError: No items, twins that are missing, or not enough memory.
    """
    clean, corrupt, _ = sides_of(items)
    if baseline == "twin" and corrupt is None:
        raise InputError("baseline: twin needs pairs; give baseline=mean for items")
    wanted = list(range(len(clean))) if members is None else members
    place = {member: index for index, member in enumerate(wanted)}
    n = len(wanted)
    with checkpoint.lock, torch.no_grad():
        factory = run_factory(checkpoint, rows, fast)
        shape = (factory.layers, n)
        found = Replaced(
            heads=np.full((factory.layers, factory.heads, n), np.nan, np.float32),
            mlps=np.full(shape, np.nan, np.float32),
            resids=np.full(shape, np.nan, np.float32),
        )
        with fits_in_memory(factory.rows):
            for batch in open_batches(factory, clean, corrupt, baseline, members=wanted):
                columns = [place[i] for i in batch.members]
                metric = batch.run.take().metric.cpu().numpy()
                replaced = replace_each(batch.run, batch.donor, rows=factory.rows)
                for kind in KINDS:
                    getattr(found, kind)[..., columns] = metric - getattr(replaced, kind)
    return found


def _agreement(scores: Floats, exact: Floats) -> Agreement:
    from scipy.stats import pearsonr, spearmanr

    n = scores.shape[-1]
    ours, theirs = (x.reshape(-1, n).astype(np.float64) for x in (scores, exact))
    means = ours.mean(1), theirs.mean(1)
    pearson, spearman = (_correlation(test, *means) for test in (pearsonr, spearmanr))
    size = float(np.linalg.norm(theirs))
    reason = ""
    if len(ours) < _FEWEST_COMPONENTS:
        reason = f"{len(ours)} components are too few to compare rankings"
    elif np.isnan(pearson) or np.isnan(spearman):
        reason = "all components have the same effect"
    elif min(pearson, spearman) < ENOUGH:
        reason = f"correlation with exact replacement below {ENOUGH:g}"
    return Agreement(
        pearson=pearson,
        spearman=spearman,
        pearson_per_prompt=_correlation(pearsonr, ours.ravel(), theirs.ravel()),
        relative_error=float(np.linalg.norm(ours - theirs)) / size if size else float("nan"),
        components=len(ours),
        prompts=n,
        verdict="low" if reason else "enough",
        reason=reason,
    )


def _correlation(
    test: Callable[..., tuple[float, float]], x: NDArray[np.float64], y: NDArray[np.float64]
) -> float:
    # What varies by rounding alone has no ranking.
    if len(x) < 2 or any(np.ptp(side) <= _ROUNDING * np.abs(side).max() for side in (x, y)):
        return float("nan")
    return float(test(x, y)[0])
