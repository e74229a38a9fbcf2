"""Running prompts with one activation replaced, whatever the architecture.

Everything that patches, attributes or compares goes through a `Run`: a batch of items whose
activations can be read, differentiated, and replaced at one hook point of one layer. `EngineRun`
is the fast engine's (GPT-2, GPT-Neo); `pluralens.interp.bridge.BridgeRun` that of all others. A run
has one or two sides, the prompts and their twins, which have as many tokens.

Cells: the tokens of a batch laid end to end, prompts first to last and the targets' tokens where
they are read. Cells of an item are its own, so that a gradient there is that of its metric alone.

| point | per layer | hook name |
|---|---|---|
| `z` | `[c, heads, head_width]` | `blocks.L.attn.hook_z` |
| `mlp_out` | `[c, d]` | `blocks.L.hook_mlp_out` |
| `resid_post` | `[c, d]` | `blocks.L.hook_resid_post` |

Memory: an `EngineRun` keeps the activations of its batch, about `5 * layers * d` numbers per cell
and side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.interp.architectures import Network
from pluralens.interp.bias_metric import pack_items, read_bias, sequences_of
from pluralens.interp.engine import Activations, forward, resume
from pluralens.interp.tokens import TokenItem

__all__ = [
    "SITES",
    "Donor",
    "EngineRun",
    "Replaced",
    "Run",
    "Site",
    "Taken",
    "by_length",
    "hook_name",
    "replace_each",
]

Site = Literal["z", "mlp_out", "resid_post"]
SITES: tuple[Site, ...] = ("z", "mlp_out", "resid_post")

Floats = NDArray[np.float32]

Donor = Callable[[Site, int], Tensor]
"""`(site, layer) -> [c or 1, ...]`: what stands in for an activation."""


def hook_name(site: Site, layer: int) -> str:
    """Name of a hook point in results."""
    return f"blocks.{layer}.{'attn.hook_z' if site == 'z' else f'hook_{site}'}"


@dataclass(frozen=True)
class Taken:
    """Activations of one side of a run, one tensor per layer, and its bias metric.

    Attributes:
        z: `[c, heads, head_width]`.
        mlp_out: `[c, d]`.
        resid_post: `[c, d]`.
        metric: `[n]`, float32.
    """

    z: list[Tensor]
    mlp_out: list[Tensor]
    resid_post: list[Tensor]
    metric: Tensor

    def at(self, site: Site, layer: int) -> Tensor:
        """The activation at a hook point."""
        found: list[Tensor] = getattr(self, site)
        return found[layer]


class Run(Protocol):
    """A batch of n items that can be intervened on.

    Attributes:
        layers: Of the network.
        heads: Per layer.
        size: Number n of items.
        owner: `[c]`, the item of each cell; n for cells that belong to none.
        offset: `[c]`, place after the prompt's last token: 0 there, negative before.
        prompts: Per item the cells of its prompt, first to last, each token once.
    """

    layers: int
    heads: int
    size: int
    owner: Tensor
    offset: Tensor
    prompts: tuple[tuple[int, ...], ...]

    def take(self, side: int = 0) -> Taken:
        """Run one side, without gradients."""

    def differentiate(self, side: int = 0) -> tuple[Taken, Taken]:
        """One forward and one backward pass: activations, and the gradients of the metric."""

    def replaced(self, site: Site, layer: int, values: Tensor, side: int = 0) -> Tensor:
        """The metric with one activation replaced.

        Args:
            site: Which activation.
            layer: Of which layer.
            values: `[variants, c, ...]`; may ask for gradients.
            side: Whose tokens.

        Returns:
            `[variants, n]`, float32.
        """


class EngineRun:
    """A `Run` on the fast engine; see `Run` for its attributes."""

    def __init__(self, network: Network, *sides: Sequence[TokenItem]) -> None:
        """Pack the sides.

        Args:
            network: The network.
            *sides: The items, and after them their twins, if any.
        """
        self._net = network
        items = sides[0]
        apart = list(range(len(items)))
        self._pack, self._readout = pack_items(items, apart=apart, device=network.device)
        # Twins have the same form, so that only the tokens differ.
        self._tokens = [self._pack.tokens]
        for other in sides[1:]:
            packed, _ = pack_items(other, apart=apart, device=network.device)
            if packed.paths != self._pack.paths:
                raise ValueError("the sides of a run must have the same form")
            self._tokens.append(packed.tokens)
        self.layers, self.heads, self.size = network.layers, network.heads, len(items)
        self.prompts = self._pack.prefixes
        owner = [0] * self._pack.size
        owners = [*apart, *(i for i, item in enumerate(items) for _ in item.targets)]
        for index, path in zip(owners, self._pack.paths, strict=True):
            for node in path:
                owner[node] = index
        self.owner = torch.tensor(owner, device=network.device)
        lengths = torch.tensor([len(item.prefix) for item in items], device=network.device)
        self.offset = self._pack.positions - (lengths[self.owner] - 1)
        self._kept: dict[int, Activations] = {}

    def take(self, side: int = 0) -> Taken:
        """Run one side."""
        run = self._clean(side)
        with torch.no_grad():
            metric = read_bias(self._net, self._readout, run.final)[0]
        return _taken([getattr(run, site) for site in SITES], metric)

    def differentiate(self, side: int = 0) -> tuple[Taken, Taken]:
        """Run one side forwards and backwards."""
        with torch.enable_grad():
            start = self._embed(side).requires_grad_()
            run = forward(self._net, self._pack, start=start, keep=SITES)
            metric = read_bias(self._net, self._readout, run.final)[0]
            parts = [getattr(run, site) for site in SITES]
            # Cells belong to one item each, so the sum keeps the items' gradients apart.
            flat = torch.autograd.grad(metric.sum(), [t for part in parts for t in part])
        grads = [list(flat[i * self.layers : (i + 1) * self.layers]) for i in range(len(SITES))]
        detached = [[t.detach() for t in part] for part in parts]
        return _taken(detached, metric.detach()), _taken(grads, metric.detach())

    def replaced(self, site: Site, layer: int, values: Tensor, side: int = 0) -> Tensor:
        """The metric with one activation replaced."""
        run, block = self._clean(side), self._net.blocks[layer]
        if site == "z":
            middle = run.resid_pre[layer] + block.out(values.flatten(-2))
            x = middle + block.mlp(middle)
        elif site == "mlp_out":
            x = run.resid_mid[layer] + values
        else:
            x = values
        final = resume(self._net, self._pack, x, layer + 1)
        return read_bias(self._net, self._readout, final)

    def _embed(self, side: int) -> Tensor:
        return self._net.embed(self._tokens[side], self._pack.positions)[None]

    def _clean(self, side: int) -> Activations:
        if side not in self._kept:
            with torch.no_grad():
                self._kept[side] = forward(self._net, self._pack, start=self._embed(side))
        return self._kept[side]


def _taken(parts: Sequence[list[Tensor]], metric: Tensor) -> Taken:
    """Without the axis of variants."""
    z, mlp_out, resid_post = ([t[0] for t in part] for part in parts)
    return Taken(z, mlp_out, resid_post, metric)


@dataclass(frozen=True)
class Replaced:
    """The bias metric with each component replaced alone.

    Attributes:
        heads: `[layers, heads, n]`.
        mlps: `[layers, n]`.
        resids: `[layers, n]`.
    """

    heads: Floats
    mlps: Floats
    resids: Floats


def replace_each(
    run: Run,
    donor: Donor,
    *,
    side: int = 0,
    where: Tensor | None = None,
    sites: Sequence[Site] = SITES,
    rows: int,
) -> Replaced:
    """Replace every head, MLP output and residual stream, one at a time.

    Args:
        run: The batch.
        donor: What to put there.
        side: Into which side.
        where: `[c]`, cells to replace; None for all.
        sites: Which; the others are NaN.
        rows: Cells computed at once.

    Returns:
        The metric of every item.
    """
    own, n = run.take(side), run.size
    cells = torch.ones_like(run.owner, dtype=torch.bool) if where is None else where
    heads = np.full((run.layers, run.heads, n), np.nan, np.float32)
    mlps, resids = (np.full((run.layers, n), np.nan, np.float32) for _ in range(2))
    at_once = max(1, rows // len(run.owner))
    for layer in range(run.layers):
        if "z" in sites:
            z = own.z[layer]
            new = torch.where(cells[:, None, None], donor("z", layer), z)
            for some in torch.arange(run.heads, device=z.device).split(at_once):
                values = z.expand(len(some), *z.shape).clone()
                values[torch.arange(len(some), device=z.device), :, some] = new[:, some].transpose(
                    0, 1
                )
                heads[layer, some.cpu().numpy()] = _numbers(run.replaced("z", layer, values, side))
        streams: tuple[tuple[Site, Floats], ...] = (("mlp_out", mlps), ("resid_post", resids))
        for site, found in streams:
            if site in sites:
                new = torch.where(cells[:, None], donor(site, layer), own.at(site, layer))
                found[layer] = _numbers(run.replaced(site, layer, new[None], side))[0]
    return Replaced(heads, mlps, resids)


def by_length(items: Sequence[TokenItem], rows: int) -> list[list[int]]:
    """Cut items into batches of about the same length.

    Args:
        items: The items.
        rows: Cells per batch; an item that has more makes a batch of its own.

    Returns:
        Indices per batch, every item once.
    """
    batches: list[list[int]] = []
    longest = rows_of = 0
    for index in sorted(range(len(items)), key=lambda i: len(items[i].prefix)):
        sequences = sequences_of(items[index])
        longest = max(longest, *map(len, sequences))
        rows_of += len(sequences)
        if not batches or rows_of * longest > rows:
            batches.append([])
            longest, rows_of = max(map(len, sequences)), len(sequences)
        batches[-1].append(index)
    return batches


def _numbers(metric: Tensor) -> Floats:
    found: Floats = metric.float().cpu().numpy()
    return found
