"""Attribution: how much of a bias each hook point carries, from gradients instead of ablations.

Scores are signed and per prompt; positive = the activation makes the metric what it is rather than
what it would be with the baseline's activation. All three approximate
metric(clean) - metric(clean with the baseline's activation put there), that is minus the effect of
`ablation.scan` for the same replacement:

- `atp`, attribution patching (Nanda 2023; Syed et al. 2023, arXiv:2310.10348):
  (clean - baseline) . gradient of the metric at clean. First order.
- `ig`, integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365): the gradient averaged
  over the straight path from the baseline's activation to the clean one. Hook point by hook point:
  all heads of a layer move together, everything before stays clean and everything after responds.
  The heads of a layer therefore sum to what replacing all of them does, and for the residual stream
  of twins to metric(clean) - metric(corrupt), whichever the layer (completeness). Gauss-Legendre
  nodes, which converge much faster than equal steps.
- `grad_x_act`, gradient times activation: `atp` with zero as the baseline, for comparison with
  older work. It approximates zero ablation, mostly badly.

Baselines: the `twin`'s activation (the contrast that a minimal pair is made for); `mean` over the
prompts, or `zero`, for items without a twin. Under `mean` the residual stream is attributed too,
although a network with its whole stream replaced has lost the prompt.

Between twins a score has the sign of the pair's own difference: what carries "he" after one
occupation has a positive score there, and a negative one where the twin is called clean. Data that
has both would average to nothing, so means over prompts are of scores times `direction`.

Scores are only as good as the approximation: `pluralens.interp.fidelity` compares them with exact
replacement and says where they are no ranking.

One forward and one backward pass per batch serve all hook points of `atp` and `grad_x_act` (and one
forward pass of the twins); `ig` costs `ig_steps` resumed passes per hook point and layer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.interventions import SITES, Donor, Run, Site, Taken, by_length, hook_name
from pluralens.interp.memory import Rows, fits_in_memory
from pluralens.interp.pairs import TokenPair, TokenPairs
from pluralens.interp.run_factory import RunFactory, run_factory
from pluralens.interp.stand_ins import mean_stand_ins, zero_stand_ins
from pluralens.interp.tokens import TokenisedItems, TokenItem

__all__ = [
    "BASELINES",
    "METHODS",
    "Attribution",
    "Baseline",
    "Batch",
    "Given",
    "Method",
    "attribute",
    "open_batches",
    "sides_of",
]

Method = Literal["atp", "ig", "grad_x_act"]
METHODS: tuple[Method, ...] = ("atp", "ig", "grad_x_act")

Baseline = Literal["twin", "mean", "zero"]
BASELINES: tuple[Baseline, ...] = ("twin", "mean", "zero")

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]
"""`(done, total)` in prompts."""

Given = TokenPairs | TokenisedItems | Sequence[TokenPair] | Sequence[TokenItem]


@dataclass(frozen=True)
class Attribution:
    """Scores of n prompts, positive = carries the metric; see the module for the sign.

    Attributes:
        ids: Of the items, in the order of the arrays.
        groups: Of the items; of the pairs where twins were used.
        clean: Bias metric of the prompts, `[n]`.
        corrupt: Of their twins, `[n]`; NaN with another baseline.
        heads: `[layers, heads, n]`.
        mlps: `[layers, n]`.
        resids: `[layers, n]`.
        about: What to record: method, baseline, steps, engine.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    clean: Floats
    corrupt: Floats
    heads: Floats
    mlps: Floats
    resids: Floats
    about: dict[str, str | int | None]

    @property
    def direction(self) -> Floats:
        """What to multiply scores by before they are averaged, `[n]`.

        The sign of clean - corrupt between twins; 1 against other baselines, whose scores are all
        about the same question already.
        """
        sign: Floats = np.sign(self.clean - self.corrupt)
        return np.where(np.isnan(sign), np.float32(1), sign)

    @property
    def hook_points(self) -> dict[str, Floats]:
        """Scores per prompt by hook name; those of `hook_z` are summed over the heads."""
        layers = range(len(self.mlps))
        by_site = {"z": self.heads.sum(1), "mlp_out": self.mlps, "resid_post": self.resids}
        return {hook_name(site, layer): by_site[site][layer] for site in SITES for layer in layers}


def attribute(
    checkpoint: Checkpoint,
    items: Given,
    *,
    method: Method = "atp",
    baseline: Baseline | None = None,
    ig_steps: int = 8,
    rows: Rows = "auto",
    fast: bool | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """Score every head, MLP output and residual stream.

    Args:
        checkpoint: Any causal language model.
        items: Pairs for the baseline `twin`; items (or pairs, of which the twins are not read) for
            the others.
        method: How.
        baseline: Against what; by default `twin` for pairs, `mean` for items, and always `zero` for
            `grad_x_act`.
        ig_steps: Nodes on the path of `ig`.
        rows: Tokens computed at once.
        fast: Whether to use the fast engine; None where there is one.
        progress: Told after every batch.

    Returns:
        The scores.

    Raises:
        InputError: No items, an option out of range, an architecture nothing knows, or not enough
            memory.
    """
    clean, corrupt, groups = sides_of(items)
    chosen = _options(method, baseline, ig_steps, corrupt is not None)
    with checkpoint.lock:
        factory = run_factory(checkpoint, rows, fast)
        with fits_in_memory(factory.rows):
            n = len(clean)
            result = Attribution(
                ids=tuple(item.id for item in clean),
                groups=groups,
                clean=np.full(n, np.nan, np.float32),
                corrupt=np.full(n, np.nan, np.float32),
                heads=np.full((factory.layers, factory.heads, n), np.nan, np.float32),
                mlps=np.full((factory.layers, n), np.nan, np.float32),
                resids=np.full((factory.layers, n), np.nan, np.float32),
                about={
                    "method": method,
                    "baseline": chosen,
                    "ig_steps": ig_steps if method == "ig" else None,
                    "engine": factory.engine,
                    "items": n,
                },
            )
            for batch in open_batches(factory, clean, corrupt, chosen):
                _fill(result, batch, ig_steps if method == "ig" else None, factory.rows)
                if progress is not None:
                    progress(batch.done, n)
    return result


@dataclass(frozen=True)
class Batch:
    """Items that run together, and what their activations are compared with.

    Attributes:
        members: Places of the items.
        run: The run.
        donor: The baseline's activations.
        corrupt: The baseline's metric, `[n]`; None unless it is a text of its own.
        done: Items up to and with this batch.
    """

    members: list[int]
    run: Run
    donor: Donor
    corrupt: Tensor | None
    done: int


def open_batches(
    factory: RunFactory,
    clean: Sequence[TokenItem],
    corrupt: Sequence[TokenItem] | None,
    baseline: Baseline,
    members: Sequence[int] | None = None,
) -> Iterator[Batch]:
    """Go through items in batches.

    Args:
        factory: What makes runs.
        clean: The items.
        corrupt: Their twins; needed for the baseline `twin` alone.
        baseline: What to compare with.
        members: Places of the items wanted; None for all. The mean is over all in any case.

    Yields:
        One batch after the other.
    """

    def make(inside: Sequence[int], *sides: Sequence[TokenItem]) -> Run:
        return factory.make(*([side[i] for i in inside] for side in sides))

    def batches(of: Sequence[int]) -> Iterator[list[int]]:
        for some in by_length([clean[i] for i in of], factory.rows):
            yield [of[i] for i in some]

    everything = range(len(clean))
    means = None
    if baseline == "mean":
        means = mean_stand_ins(make(inside, clean) for inside in batches(everything))
    done = 0
    for inside in batches(everything if members is None else members):
        done += len(inside)
        metric: Tensor | None = None
        donor: Donor
        if baseline == "twin":
            if corrupt is None:
                raise ValueError("the baseline twin needs twins")
            run = make(inside, clean, corrupt)
            twin = run.take(1)
            donor, metric = twin.at, twin.metric
        else:
            run = make(inside, clean)
            donor = zero_stand_ins(run) if means is None else means.donor(run)
        yield Batch(inside, run, donor, metric, done)


def sides_of(
    items: Given,
) -> tuple[tuple[TokenItem, ...], tuple[TokenItem, ...] | None, tuple[str, ...]]:
    """Take items or pairs apart.

    Args:
        items: Either.

    Returns:
        Items, twins (None without), groups.

    Raises:
        InputError: There are none.
    """
    used = tuple(items.usable if isinstance(items, TokenPairs | TokenisedItems) else items)
    pairs = [one for one in used if isinstance(one, TokenPair)]
    if not used:
        what = "pairs" if isinstance(items, TokenPairs) else "items"
        raise InputError(f"attribution: no usable {what}; see the reasons, or give other data")
    if pairs:
        return (
            tuple(pair.clean for pair in pairs),
            tuple(pair.corrupt for pair in pairs),
            tuple(pair.group for pair in pairs),
        )
    plain = tuple(one for one in used if isinstance(one, TokenItem))
    return plain, None, tuple(item.group for item in plain)


def _options(method: str, baseline: str | None, ig_steps: int, twins: bool) -> Baseline:
    """The baseline, once the options are known to make sense."""
    if method not in METHODS:
        raise InputError(f"method: no {method!r}; give one of {', '.join(METHODS)}")
    if ig_steps < 1:
        raise InputError(f"ig_steps: {ig_steps} is too few; give at least 1")
    if method == "grad_x_act":
        if baseline not in (None, "zero"):
            raise InputError(f"baseline: grad_x_act has zero, not {baseline!r}; give method=atp")
        return "zero"
    if baseline is None:
        return "twin" if twins else "mean"
    for known in BASELINES:
        if baseline == known:
            if known == "twin" and not twins:
                raise InputError("baseline: twin needs pairs; give baseline=mean for items")
            return known
    raise InputError(f"baseline: no {baseline!r}; give one of {', '.join(BASELINES)}")


def _fill(result: Attribution, batch: Batch, ig_steps: int | None, rows: int) -> None:
    """Compute the scores of a batch."""
    run, members = batch.run, batch.members
    slopes: Taken | None = None
    if ig_steps is None:
        own, slopes = run.differentiate()
    else:
        own = run.take()
    result.clean[members] = own.metric.cpu().numpy()
    if batch.corrupt is not None:
        result.corrupt[members] = batch.corrupt.cpu().numpy()
    for layer in range(run.layers):
        for site in SITES:
            here = own.at(site, layer)
            change = here - batch.donor(site, layer)
            if slopes is not None:
                slope = slopes.at(site, layer)
            else:
                slope = _path_slope(run, site, layer, here, change, int(ig_steps or 1), rows)
            scores = _by_item(run, (change.float() * slope.float()).sum(-1))
            if site == "z":
                result.heads[layer][:, members] = scores.T
            else:
                (result.mlps if site == "mlp_out" else result.resids)[layer, members] = scores


def _path_slope(
    run: Run, site: Site, layer: int, here: Tensor, change: Tensor, steps: int, rows: int
) -> Tensor:
    """The gradient averaged over the path from `here - change` to `here`."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    back = torch.tensor((1 - nodes) / 2, dtype=here.dtype, device=here.device)
    share = torch.tensor(weights / 2, dtype=here.dtype, device=here.device)
    shape = (-1, *[1] * here.ndim)
    slope = torch.zeros_like(here)
    at_once = max(1, rows // len(here))
    for some, parts in zip(back.split(at_once), share.split(at_once), strict=True):
        with torch.enable_grad():
            values = (here - some.view(shape) * change).requires_grad_()
            metric = run.replaced(site, layer, values)
            (grads,) = torch.autograd.grad(metric.sum(), values)
        slope += (grads * parts.view(shape)).sum(0)
    return slope


def _by_item(run: Run, cells: Tensor) -> Floats:
    """Sum `[c, ...]` over the cells of each item: `[n, ...]`."""
    sums = cells.new_zeros((run.size + 1, *cells.shape[1:])).index_add(0, run.owner, cells)
    found: Floats = sums[:-1].cpu().numpy()
    return found
