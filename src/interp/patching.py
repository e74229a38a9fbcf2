"""Counterfactual activation patching between minimal pairs, both directions.

- `denoising`: the corrupt prompt runs, one activation is the clean prompt's. Recovery
  (patched - corrupt) / (clean - corrupt): 1 = it restores the clean metric by itself (sufficient).
- `noising`: the clean prompt runs, one activation is the corrupt prompt's. Recovery
  (clean - patched) / (clean - corrupt): 1 = without it nothing of the difference is left
  (necessary).

Both are 0 where patching changes nothing and 1 where it carries everything over; they differ where
components back each other up. Components: every head's z, every MLP's output, every layer's
residual stream; at all positions, targets' included, or at one position, counted from the prompt's
end (-1 is its last token, where the metric is read).

Recovery is estimated as a ratio of means over prompts, never as a mean of ratios: a pair whose twin
has almost the same metric would divide by almost nothing and outweigh all others. Whether the clean
or the corrupt prompt has the higher metric is a matter of which of the two is called clean, so both
means are taken along the pair's own direction: sum of sign(d) * (patched difference) over sum of
|d|, d = clean - corrupt. That is the mean of the per-pair ratios weighted by |d|. The interval is
a bias-corrected bootstrap over groups of pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.fidelity import KINDS, Kind
from pluralens.interp.interventions import SITES, Run, Site, by_length, replace_each
from pluralens.interp.memory import Rows, fits_in_memory
from pluralens.interp.pairs import TokenPair, TokenPairs
from pluralens.interp.run_factory import run_factory
from pluralens.stats.bootstrap import bca_interval, cluster_bootstrap
from pluralens.stats.clusters import ClusterSums, check_level
from pluralens.stats.seeding import cell_rng

__all__ = [
    "DIRECTIONS",
    "Direction",
    "Patching",
    "Position",
    "Recovery",
    "patch",
    "recovery",
]

Direction = Literal["denoising", "noising"]
DIRECTIONS: tuple[Direction, ...] = ("denoising", "noising")

Position = Literal["all"] | int
"""`all`, or a place counted from the prompt's end: -1 is its last token."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Progress = Callable[[int, int], None]
"""`(done, total)` in pairs."""


@dataclass(frozen=True)
class Patching:
    """The bias metric of n pairs with one component patched.

    Attributes:
        ids: Of the items, in the order of the arrays.
        groups: Of the pairs.
        clean: Metric of the prompts, `[n]`.
        corrupt: Metric of their twins, `[n]`.
        positions: What the first axis of the arrays below stands for.
        heads: By direction, `[positions, layers, heads, n]`; NaN where a prompt has no such
            position or the site was not asked for.
        mlps: Likewise, `[positions, layers, n]`.
        resids: Likewise, `[positions, layers, n]`.
        about: What to record.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    clean: Floats
    corrupt: Floats
    positions: tuple[Position, ...]
    heads: dict[Direction, Floats]
    mlps: dict[Direction, Floats]
    resids: dict[Direction, Floats]
    about: dict[str, str | int | None]

    def patched(self, kind: Kind, direction: Direction) -> Floats:
        """The metrics of one kind of component."""
        found: dict[Direction, Floats] = getattr(self, kind)
        return found[direction]


class Recovery(NamedTuple):
    """Recovery of each component, arrays of the components' shape.

    Attributes:
        estimate: Ratio of means over pairs; NaN where no pair has a difference.
        ci_low: Lower end of the bootstrap interval; NaN with fewer than two groups.
        ci_high: Upper end.
        n_pairs: Pairs behind each.
        n_groups: Groups of them, over all components.
    """

    estimate: Doubles
    ci_low: Doubles
    ci_high: Doubles
    n_pairs: NDArray[np.int64]
    n_groups: int


def patch(
    checkpoint: Checkpoint,
    pairs: TokenPairs | Sequence[TokenPair],
    *,
    directions: Sequence[Direction] = DIRECTIONS,
    positions: Sequence[Position] = ("all", -1),
    sites: Sequence[Site] = SITES,
    rows: Rows = "auto",
    fast: bool | None = None,
    progress: Progress | None = None,
) -> Patching:
    """Patch every component, one at a time.

    Args:
        checkpoint: Any causal language model.
        pairs: From `pluralens.interp.pairs.pair_up`.
        directions: Which.
        positions: Where; `all` or places from the end.
        sites: Which activations.
        rows: Tokens computed at once.
        fast: Whether to use the fast engine; None where there is one.
        progress: Told after every batch.

    Returns:
        The metrics; `recovery` makes estimates of them.

    Raises:
        InputError: No pairs, an option out of range, an architecture nothing knows, or not enough
            memory.
    """
    used = tuple(pairs.usable if isinstance(pairs, TokenPairs) else pairs)
    _check(used, directions, positions, sites)
    n, wanted = len(used), tuple(positions)
    clean, corrupt = [pair.clean for pair in used], [pair.corrupt for pair in used]
    with checkpoint.lock, torch.no_grad():
        factory = run_factory(checkpoint, rows, fast)

        def empty(*shape: int) -> dict[Direction, Floats]:
            return {
                one: np.full((len(wanted), *shape, n), np.nan, np.float32) for one in directions
            }

        result = Patching(
            ids=tuple(item.id for item in clean),
            groups=tuple(pair.group for pair in used),
            clean=np.full(n, np.nan, np.float32),
            corrupt=np.full(n, np.nan, np.float32),
            positions=wanted,
            heads=empty(factory.layers, factory.heads),
            mlps=empty(factory.layers),
            resids=empty(factory.layers),
            about={"engine": factory.engine, "pairs": n},
        )
        done = 0
        with fits_in_memory(factory.rows):
            for members in by_length(clean, factory.rows):
                run = factory.make([clean[i] for i in members], [corrupt[i] for i in members])
                result.clean[members] = run.take(0).metric.cpu().numpy()
                result.corrupt[members] = run.take(1).metric.cpu().numpy()
                for direction in directions:
                    _fill(result, run, members, direction, sites, factory.rows)
                done += len(members)
                if progress is not None:
                    progress(done, n)
    return result


def recovery(
    result: Patching,
    kind: Kind,
    direction: Direction,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Recovery:
    """Estimate recovery with intervals.

    Args:
        result: From `patch`.
        kind: `heads`, `mlps` or `resids`.
        direction: One that was patched.
        level: Confidence level, each component for itself.
        n_resamples: Bootstrap resamples of groups.
        seed: Of the resamples.

    Returns:
        `[positions, layers(, heads)]`.

    Raises:
        InputError: An unknown kind or direction, `level` or `n_resamples` out of range.
    """
    check_level(level)
    if kind not in KINDS:
        raise InputError(f"kind: no {kind!r}; give one of {', '.join(KINDS)}")
    if direction not in result.heads:
        raise InputError(f"direction: {direction!r} was not patched; give one that was")
    patched = result.patched(kind, direction).astype(np.float64)
    shape, n = patched.shape[:-1], patched.shape[-1]
    difference = result.clean.astype(np.float64) - result.corrupt
    start, sign = (result.corrupt, 1) if direction == "denoising" else (result.clean, -1)
    moved = (sign * (patched - start)).reshape(-1, n).T
    present = ~np.isnan(moved)
    labels, code = np.unique(np.asarray(result.groups, dtype=np.str_), return_inverse=True)
    sums = np.zeros((len(labels), moved.shape[1]))
    sizes = np.zeros_like(sums)
    np.add.at(sums, code, np.where(present, np.sign(difference)[:, None] * moved, 0.0))
    np.add.at(sizes, code, np.where(present, np.abs(difference)[:, None], 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = sums.sum(0) / sizes.sum(0)
    # The bootstrap takes counts, of which there is none between 0 and 1; ratios have no unit.
    least = np.where(sizes > 0, sizes, np.inf).min(0)
    data = ClusterSums(sums / least, sizes / least)
    rng = cell_rng(seed, "recovery", kind, direction)
    drawn = cluster_bootstrap(data, n_resamples=n_resamples, rng=rng)
    low, high = bca_interval(data, drawn, level=level)
    return Recovery(
        estimate=estimate.reshape(shape),
        ci_low=low.reshape(shape),
        ci_high=high.reshape(shape),
        n_pairs=present.sum(0).reshape(shape),
        n_groups=len(labels),
    )


def _fill(
    result: Patching,
    run: Run,
    members: list[int],
    direction: Direction,
    sites: Sequence[Site],
    rows: int,
) -> None:
    """Patch a batch in one direction."""
    into, source = (1, 0) if direction == "denoising" else (0, 1)
    donor = run.take(source).at
    lengths = np.array([len(cells) for cells in run.prompts])
    for index, position in enumerate(result.positions):
        where = None if position == "all" else run.offset == position + 1
        found = replace_each(run, donor, side=into, where=where, sites=sites, rows=rows)
        for kind in KINDS:
            values = getattr(found, kind)
            if position != "all":
                values[..., lengths < -position] = np.nan
            getattr(result, kind)[direction][index][..., members] = values


def _check(
    pairs: Sequence[TokenPair],
    directions: Sequence[str],
    positions: Sequence[Position],
    sites: Sequence[str],
) -> None:
    if not pairs:
        raise InputError("patching: no usable pairs; see the reasons, or give other data")
    for name, given, known in (
        ("directions", directions, DIRECTIONS),
        ("sites", sites, SITES),
    ):
        if not given:
            raise InputError(f"{name}: none; give some of {', '.join(known)}")
        for one in given:
            if one not in known:
                raise InputError(f"{name}: no {one!r}; give some of {', '.join(known)}")
    if not positions:
        raise InputError("positions: none; give all, or places from the end such as -1")
    for place in positions:
        if place != "all" and not (isinstance(place, int) and place < 0):
            raise InputError(
                f"positions: no {place!r}; give all, or places from the end such as -1"
            )
