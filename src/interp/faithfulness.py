"""Does a ranking of heads hold what it promises? Ablate its first k together and see.

What is left of the bias is set against the cost: heads that carry all of a model's language carry
its bias too. And against chance: as many heads drawn at random from the whole network, ablated in
the same way. A ranking is faithful where the bias falls faster than for random heads at no greater
cost.

Heads in sets are ablated jointly and exactly (`pluralens.interp.joint_ablation`); single effects do
not add up where heads depend on or stand in for each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

from pluralens.errors import InputError
from pluralens.interp.ablation import Progress
from pluralens.interp.blocks import head_shape
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.joint_ablation import Head, JointAblation, ablate_together
from pluralens.interp.memory import Rows
from pluralens.interp.tokens import Sentences, TokenisedItems, TokenItem
from pluralens.personas.drawing import uniforms
from pluralens.stats.clusters import ClusterSums, cluster_sums, estimate_mean, t_interval

__all__ = ["Curve", "Faithfulness", "faithfulness", "random_rankings", "rank_heads"]

Floats = NDArray[np.float64]
Contrast = Callable[[Floats], Floats]
"""From values per item `[..., n]` to values per independent unit `[..., units]`."""

_FEWEST_DRAWS = 10


class Curve(NamedTuple):
    """A mean by number of ablated heads, `[ks]`, with its t interval.

    Attributes:
        mean: Estimate.
        low: Lower end; NaN with a single unit.
        high: Upper end.
    """

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Faithfulness:
    """What is left when the first heads of a ranking are ablated, and what it costs.

    Attributes:
        ks: Numbers of heads ablated together; the first is 0.
        bias: Mean of the bias metric over items, or of its contrasts over units; nats.
        absolute: Mean of the metric's absolute value over items; nats. It counts what pushes either
            way, and does not reach 0 where the metric has a constant part.
        log_prob: Mean log-probability per token of the sentences, nats; NaN without sentences.
        random_bias: `[draws, ks]`, the same for random heads, as are the next two.
        random_absolute: `[draws, ks]`.
        random_log_prob: `[draws, ks]`.
        area: Area under `bias` over the share k / largest k, from 0 to 1 (trapezoids; nats), with
            its interval.
        random_area: Mean of the random draws' areas.
        advantage: `random_area` minus `area`, with the interval over items or units (the draws are
            taken as given): positive where the ranking removes more.
        about: What to record.
    """

    ks: tuple[int, ...]
    bias: Curve
    absolute: Curve
    log_prob: Curve
    random_bias: Floats
    random_absolute: Floats
    random_log_prob: Floats
    area: tuple[float, float, float]
    random_area: float
    advantage: tuple[float, float, float]
    about: dict[str, str | int | float]

    @property
    def perplexity(self) -> Curve:
        """Of the sentences: exp of minus the mean log-probability per token."""
        mean, low, high = self.log_prob
        return Curve(np.exp(-mean), np.exp(-high), np.exp(-low))


def faithfulness(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    ranking: Sequence[Head],
    *,
    sentences: Sentences | None = None,
    contrast: Contrast | None = None,
    ks: Sequence[int] | None = None,
    random_draws: int = _FEWEST_DRAWS,
    mode: Literal["mean", "zero"] = "mean",
    level: float = 0.95,
    seed: int = 0,
    rows: Rows = "auto",
    progress: Progress | None = None,
) -> Faithfulness:
    """Ablate the first k heads of a ranking together, and as many random ones.

    Args:
        checkpoint: The checkpoint.
        items: Tokenised items.
        ranking: Heads (layer, head), the most important first, each once; by any method.
        sentences: What language modelling is measured on.
        contrast: How to get from the metric per item to what should fall, per independent unit: for
            pronouns after occupations the contrast of twins
            (`pluralens.stats.component_effects.twin_contrasts`). None takes the metric itself, with
            items clustered by their groups.
        ks: Numbers of heads; None for 0, 1, 2, 4, 8 ... and the whole ranking.
        random_draws: Random rankings of all heads, at least 10.
        mode: What replaces a head's output, its `mean` or `zero`.
        level: Confidence level.
        seed: Of the random rankings.
        rows: Tokens computed at once.
        progress: As for `ablate_together`.

    Returns:
        The curves.

    Raises:
        InputError: A head is ranked twice or does not exist, a number of heads is out of range,
            there are too few draws, or see `ablate_together`.
    """
    order = list(dict.fromkeys(ranking))
    if not order or len(order) != len(ranking):
        raise InputError("ranking: empty, or a head stands in it twice; give every head once")
    if random_draws < _FEWEST_DRAWS:
        raise InputError(f"random_draws: {random_draws} is too few; give at least {_FEWEST_DRAWS}")
    grid = _grid(len(order)) if ks is None else sorted({0, *ks})
    if grid[0] < 0 or grid[-1] > len(order) or len(grid) < 2:
        raise InputError(f"ks: give numbers from 1 to {len(order)}, the heads that are ranked")
    layers, heads, _ = head_shape(checkpoint)
    rankings = [order, *random_rankings(layers, heads, random_draws, seed)]
    sets = [one[:k] for one in rankings for k in grid[1:]]
    result = ablate_together(
        checkpoint, items, sets, sentences=sentences, mode=mode, rows=rows, progress=progress
    )
    bias = _by_ranking(result.clean, result.bias, len(rankings))
    units = bias if contrast is None else contrast(bias)
    groups = result.groups if contrast is None else None
    steps = np.array(grid) / grid[-1]
    areas = trapezoid(units, steps, axis=1)
    logs = _by_ranking(result.clean_log_probs, result.log_probs, len(rankings))
    curves = _log_prob_curves(logs, result, level)
    area = _curve(areas[:1], groups, level)
    advantage = _curve((areas[1:].mean(axis=0) - areas[0])[None], groups, level)
    return Faithfulness(
        ks=tuple(grid),
        bias=_curve(units[0], groups, level),
        absolute=_curve(np.abs(bias[0]), result.groups, level),
        log_prob=Curve(*(part[0] for part in curves)),
        random_bias=units[1:].mean(axis=-1),
        random_absolute=np.abs(bias[1:]).mean(axis=-1),
        random_log_prob=curves.mean[1:],
        area=_first(area),
        random_area=float(areas[1:].mean()),
        advantage=_first(advantage),
        about={
            "mode": mode,
            "items": len(result.ids),
            "units": units.shape[-1] if contrast is not None else len(set(result.groups)),
            "sentences": int((result.tokens > 0).sum()),
            "random_draws": random_draws,
            "seed": seed,
        },
    )


def rank_heads(
    scores: ArrayLike, order: Literal["absolute", "lowest", "highest"] = "absolute"
) -> list[Head]:
    """Rank heads by a score each.

    Args:
        scores: `[layers, heads]`; heads with NaN come last.
        order: By size whatever the sign; or `lowest` first: those whose ablation lowers the bias
            most, where scores are effects; or `highest` first.

    Returns:
        (layer, head), all of them; of equal ones the earlier head first.

    Raises:
        InputError: The order is unknown.
    """
    values = np.asarray(scores, dtype=np.float64)
    keys = {"absolute": -np.abs(values), "lowest": values, "highest": -values}
    if order not in keys:
        raise InputError(f"order: no {order!r}; give one of {', '.join(keys)}")
    best = np.argsort(keys[order], axis=None, kind="stable")
    return [(int(i) // values.shape[1], int(i) % values.shape[1]) for i in best]


def random_rankings(layers: int, heads: int, draws: int, seed: int) -> list[list[Head]]:
    """All heads in random orders.

    Args:
        layers: Of the network.
        heads: Per layer.
        draws: How many orders.
        seed: Of them.
    """
    return [
        rank_heads(uniforms(["random heads", seed, draw], 0, layers * heads).reshape(layers, heads))
        for draw in range(draws)
    ]


def _grid(most: int) -> list[int]:
    """0, powers of two, and the last."""
    return sorted({0, most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def _by_ranking(clean: Floats, ablated: Floats, rankings: int) -> Floats:
    """From `[n]` and `[rankings * ks, n]` to `[rankings, 1 + ks, n]`."""
    parts = ablated.reshape(rankings, len(ablated) // rankings, len(clean))
    first = np.broadcast_to(clean, (rankings, 1, len(clean)))
    return np.concatenate([first, parts], axis=1)


def _curve(values: Floats, groups: Sequence[str] | None, level: float) -> Curve:
    """Mean over the last axis, `[k, n]`, clustered by groups."""
    labels = None if groups is None else np.asarray(groups, dtype=np.str_)
    estimate = estimate_mean(cluster_sums(values.T, labels))
    return Curve(estimate.mean, *t_interval(estimate, level))


def _log_prob_curves(logs: Floats, result: JointAblation, level: float) -> Curve:
    """Mean per token, sentences being the units: `[rankings, ks]` each."""
    shape = logs.shape[:-1]
    used = result.tokens > 0
    if not used.any():
        return Curve(*np.full((3, *shape), np.nan))
    tokens = np.broadcast_to(result.tokens[used].astype(float), (*shape, int(used.sum())))
    sums = (logs[..., used] * tokens).reshape(-1, tokens.shape[-1]).T
    estimate = estimate_mean(ClusterSums(sums, tokens.reshape(-1, tokens.shape[-1]).T))
    low, high = t_interval(estimate, level)
    return Curve(*(part.reshape(shape) for part in (estimate.mean, low, high)))


def _first(curve: Curve) -> tuple[float, float, float]:
    return float(curve.mean[0]), float(curve.low[0]), float(curve.high[0])
