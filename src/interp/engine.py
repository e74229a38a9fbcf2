"""The fast engine: raw weights, packed prompts, and a forward pass that can begin in any block.

Tensors carry a leading axis of `variants`: the same prompts under several interventions, computed
as one batch. Hook points and their shapes, n being the nodes of the pack:

| point | shape | hook name |
|---|---|---|
| `resid_pre` | `[variants, n, d]` | `blocks.L.hook_resid_pre` |
| `z` | `[variants, n, heads, head_width]` | `blocks.L.attn.hook_z` |
| `resid_mid` | `[variants, n, d]` | `blocks.L.hook_resid_mid` |
| `mlp_out` | `[variants, n, d]` | `blocks.L.hook_mlp_out` |
| `resid_post` | `[variants, n, d]` | `blocks.L.hook_resid_post` |

Everything is differentiable: parameters ask for no gradients, so a graph exists exactly where an
edit or the start asks for one. `forward` keeps all nodes; `resume` throws away whatever cannot
reach a scored node, which is why its last block costs a quarter.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pluralens.interp.architectures import Block, Network
from pluralens.interp.packing import Pack, PathBlock

__all__ = [
    "POINTS",
    "Activations",
    "Edit",
    "Point",
    "attention",
    "forward",
    "normalisers",
    "resume",
    "split_heads_out",
]

Point = Literal["resid_pre", "z", "resid_mid", "mlp_out", "resid_post"]
# Logits over the whole vocabulary at once: 64 MiB of float32.
_MOST_LOGITS = 2**24

POINTS: tuple[Point, ...] = ("resid_pre", "z", "resid_mid", "mlp_out", "resid_post")

Edit = Callable[[Point, int, Tensor], Tensor]
"""`(point, layer, activation) -> activation`: what the rest of the pass sees instead. It may
return more variants than it was given, for every point of a layer alike."""


@dataclass(frozen=True)
class Activations:
    """What a forward pass leaves behind, one tensor per layer under each point that was kept.

    Attributes:
        resid_pre: Input of each block.
        z: Heads' outputs before W_O.
        resid_mid: After attention.
        mlp_out: Outputs of the MLPs.
        resid_post: Output of each block.
        final: `[variants, u, d]`, residual stream at the scored nodes after the final norm.
    """

    resid_pre: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    resid_mid: list[Tensor] = field(default_factory=list)
    mlp_out: list[Tensor] = field(default_factory=list)
    resid_post: list[Tensor] = field(default_factory=list)
    final: Tensor = field(default_factory=lambda: torch.empty(0))


def forward(
    network: Network,
    pack: Pack,
    *,
    start: Tensor | None = None,
    first: int = 0,
    edit: Edit | None = None,
    keep: Collection[Point] = POINTS,
) -> Activations:
    """Run the network over all nodes of a pack.

    Args:
        network: The network.
        pack: The prompts.
        start: Residual stream that enters block `first`, `[variants, n, d]`; None for the
            embeddings. Let it ask for gradients to have a graph over the whole pass.
        first: The first block to run.
        edit: Called at every point of every block that runs, in the order of `POINTS`.
        keep: Points to keep; the others cost no memory beyond their block.

    Returns:
        Activations of blocks `first` to the last, so that index 0 is block `first`.
    """
    x = network.embed(pack.tokens, pack.positions)[None] if start is None else start
    kept = Activations()

    def visit(point: Point, layer: int, value: Tensor) -> Tensor:
        if edit is not None:
            value = edit(point, layer, value)
        if point in keep:
            getattr(kept, point).append(value)
        return value

    for layer in range(first, network.layers):
        block = network.blocks[layer]
        x = visit("resid_pre", layer, x)
        z = visit("z", layer, attention(block, pack, x))
        mid = visit("resid_mid", layer, x + block.out(z.flatten(-2)))
        out = visit("mlp_out", layer, block.mlp(mid))
        x = visit("resid_post", layer, mid + out)
    final = network.norm(x.index_select(1, pack.scored))
    return Activations(kept.resid_pre, kept.z, kept.resid_mid, kept.mlp_out, kept.resid_post, final)


def resume(network: Network, pack: Pack, x: Tensor, layer: int) -> Tensor:
    """Run blocks `layer` to the last and read the scored nodes.

    Args:
        network: The network.
        pack: The prompts.
        x: Residual stream that enters block `layer`, `[variants, n, d]`.
        layer: The first block to run; the number of blocks for none.

    Returns:
        `[variants, u, d]`, after the final norm.
    """
    last = network.layers - 1
    for index in range(layer, last):
        block = network.blocks[index]
        x = x + block.out(attention(block, pack, x).flatten(-2))
        x = x + block.mlp(x)
    if layer <= last:
        block = network.blocks[last]
        z = _scored_attention(block, pack, x)
        x = x.index_select(1, pack.scored) + block.out(z.flatten(-2))
        x = x + block.mlp(x)
    else:
        x = x.index_select(1, pack.scored)
    return network.norm(x)


def normalisers(network: Network, final: Tensor) -> Tensor:
    """Logarithm of the sum over the vocabulary, the softmax normaliser of next-token logits.

    Args:
        network: The network.
        final: `[..., d]`, residual stream after the final norm.

    Returns:
        `[...]`, float32.
    """
    rows = max(1, _MOST_LOGITS // len(network.unembed))
    found = []
    for chunk in final.reshape(-1, final.shape[-1]).split(rows):
        logits = (chunk @ network.unembed.T).float()
        if network.unembed_bias is not None:
            logits = logits + network.unembed_bias.float()
        found.append(logits.logsumexp(-1))
    return torch.cat(found).view(final.shape[:-1])


def split_heads_out(block: Block, z: Tensor) -> Tensor:
    """What each head adds to the residual stream.

    Args:
        block: The block.
        z: `[n, heads, head_width]`.

    Returns:
        `[heads, n, d]`. With the bias of the output projection they sum to what attention adds.
    """
    return torch.bmm(z.transpose(0, 1), block.head_out)


def attention(block: Block, pack: Pack, x: Tensor) -> Tensor:
    """Outputs of the heads at all nodes.

    Args:
        block: The block.
        pack: The prompts.
        x: Residual stream that enters the block, `[variants, n, d]`.

    Returns:
        z, `[variants, n, heads, head_width]`.
    """
    variants = x.shape[0]
    y = block.norm(x)
    query = block.query(y, pack.positions)
    key, value = block.key_value(y, pack.positions)
    found = []
    for paths in pack.blocks:
        longest = paths.nodes.shape[1]
        mask = _band(longest, block.window, x.device)
        z = F.scaled_dot_product_attention(
            *(_gather(t, paths.nodes) for t in (query, key, value)),
            attn_mask=mask,
            is_causal=mask is None,
            scale=block.scale,
        )
        # [variants * paths, heads, longest, width] back to one cell after the other.
        found.append(z.transpose(1, 2).reshape(variants, -1, *z.shape[1::2]))
    cells = found[0] if len(found) == 1 else torch.cat(found, dim=1)
    return cells.index_select(1, pack.cell)


def _scored_attention(block: Block, pack: Pack, x: Tensor) -> Tensor:
    """Outputs of the heads at the scored nodes, `[variants, u, heads, head_width]`."""
    variants = x.shape[0]
    y = block.norm(x)
    key, value = block.key_value(y, pack.positions)
    query = block.query(y.index_select(1, pack.scored), pack.positions[pack.scored])
    found = []
    for paths in pack.blocks:
        if not paths.scored.numel():
            continue
        mask = _seen(paths, block.window).repeat(variants, 1, 1, 1)
        z = F.scaled_dot_product_attention(
            _gather(query, paths.scored),
            _gather(key, paths.nodes),
            _gather(value, paths.nodes),
            attn_mask=mask,
            scale=block.scale,
        )
        found.append(z.transpose(1, 2).reshape(variants, -1, *z.shape[1::2]))
    cells = found[0] if len(found) == 1 else torch.cat(found, dim=1)
    return cells.index_select(1, pack.scored_cell)


def _band(length: int, window: int | None, device: torch.device) -> Tensor | None:
    """`[length, length]`, what each query sees; None where that is all up to itself."""
    if window is None or length <= window:
        return None
    place = torch.arange(length, device=device)
    back = place[:, None] - place[None]
    return (back >= 0) & (back < window)


def _seen(paths: PathBlock, window: int | None) -> Tensor:
    """`[paths, 1, most, longest]`, what the scored nodes of each path see."""
    key = torch.arange(paths.nodes.shape[1], device=paths.nodes.device)
    back = paths.scored_positions[:, None, :, None] - key
    return (back >= 0) if window is None else (back >= 0) & (back < window)


def _gather(t: Tensor, nodes: Tensor) -> Tensor:
    """`[variants, n, heads, width]` along paths: `[variants * paths, heads, longest, width]`."""
    along = t.index_select(1, nodes.flatten()).unflatten(1, nodes.shape)
    return along.flatten(0, 1).transpose(1, 2)
