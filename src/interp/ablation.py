"""Exact ablation of every head and every MLP, one at a time.

Effect: bias metric with the component ablated minus the clean one, per prompt. Ablated means that
its output (`z` of a head, `mlp_out` of an MLP) is replaced at every position of the prompt and of
the targets that are read, as `replacement` says. Nothing is approximated; what makes it fast is
what it leaves out:

- The clean run is made once. A head's output enters the residual stream by addition, so with head h
  of block L replaced, the stream after attention is the clean one minus the difference times W_O,
  and the pass resumes at that block's MLP.
- Prompts are packed as a trie: no padding, shared beginnings computed once.
- In the last block only the nodes that predict a target have queries, an MLP and logits, and of the
  logits only the targets' are computed.

Cost is that of about half a forward pass per component. Memory beside the weights: the clean
activations of one pack and a few times `rows` times the MLP's hidden layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.architectures import Network, network
from pluralens.interp.bias_metric import Readout, pack_items, read_bias, sequences_of
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.engine import Activations, forward, resume
from pluralens.interp.memory import Rows, fits_in_memory, rows_at_once
from pluralens.interp.packing import Pack, groups
from pluralens.interp.replacement import (
    MODES,
    Mode,
    Outputs,
    mean_replacement,
    resample_replacement,
    sharing_keys,
    zero_replacement,
)
from pluralens.interp.tokens import TokenisedItems, TokenItem

__all__ = ["AblationResult", "Mode", "Progress", "scan"]

Progress = Callable[[int, int], None]
"""`(done, total)` in floating-point operations, so that time left can be told from them."""

Floats = NDArray[np.float32]

# Clean activations of a pack are kept; beyond this they cost memory and win nothing.
_MOST_NODES = 4096


@dataclass(frozen=True)
class AblationResult:
    """Effects of ablating each component alone; ablated minus clean.

    Attributes:
        ids: Of the n items, in the order of the arrays.
        groups: Of the items.
        clean: Bias metric of the untouched network, `[n]`.
        heads: `[layers, heads, n]`.
        mlps: `[layers, n]`.
        about: What to record: mode, seed, dtype, numbers of items and tokens, operations.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    clean: Floats
    heads: Floats
    mlps: Floats
    about: dict[str, str | int | None]


def scan(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    *,
    mode: Mode = "mean",
    seed: int = 0,
    rows: Rows = "auto",
    dtype: str | None = None,
    progress: Progress | None = None,
) -> AblationResult:
    """Ablate every head and every MLP, each alone, on all items.

    Args:
        checkpoint: A checkpoint that the fast engine knows.
        items: Tokenised items.
        mode: What replaces an output: its `mean` over the prompts, `zero`, or (`resample`) its
            value in another prompt. See `pluralens.interp.replacement`.
        seed: Of `resample`.
        rows: Tokens computed at once.
        dtype: `bfloat16` to screen with a float32 checkpoint; None for the checkpoint's own.
        progress: Told after every batch.

    Returns:
        The effects.

    Raises:
        InputError: No items, an unknown mode, too few different prompts to resample, or not enough
            memory.
    """
    used = items.usable if isinstance(items, TokenisedItems) else tuple(items)
    if not used:
        raise InputError("ablation: no usable items; see the reasons, or give other data")
    if mode not in MODES:
        raise InputError(f"mode: no {mode!r}; give one of {', '.join(MODES)}")
    # Not inference mode: its tensors could not take part in a later attribution.
    with checkpoint.lock, torch.no_grad():
        net = network(checkpoint, dtype)
        at_once = rows_at_once(net, rows)
        with fits_in_memory(at_once):
            return _scan(net, used, mode, seed, at_once, progress)


def _scan(
    net: Network,
    items: Sequence[TokenItem],
    mode: Mode,
    seed: int,
    rows: int,
    progress: Progress | None,
) -> AblationResult:
    keys = sharing_keys(items, mode)
    batches = [_pack(net, items, keys, members) for members in _groups(items, keys, rows)]
    replacement = {
        "mean": lambda: mean_replacement(net, [batch.pack for batch in batches]),
        "zero": lambda: zero_replacement(net),
        "resample": lambda: resample_replacement(net, items, seed),
    }[mode]()
    work = _Work(net, batches, progress)
    n = len(items)
    clean = np.full(n, np.nan, np.float32)
    heads = np.full((net.layers, net.heads, n), np.nan, np.float32)
    mlps = np.full((net.layers, n), np.nan, np.float32)
    for batch in batches:
        run = forward(net, batch.pack, keep=("z", "resid_mid"))
        baseline = read_bias(net, batch.readout, run.final)[0]
        clean[batch.members] = baseline.cpu().numpy()
        work.finish(batch.clean_operations(net))
        outputs = replacement.values(batch.pack, [items[i] for i in batch.members])
        for layer in range(net.layers):
            ablated = _ablate_layer(net, batch, layer, run, outputs(layer), rows)
            effects = (ablated - baseline).cpu().numpy()
            heads[layer][:, batch.members] = effects[:-1]
            mlps[layer][batch.members] = effects[-1]
            work.finish(batch.layer_operations(net, layer))
    return AblationResult(
        ids=tuple(item.id for item in items),
        groups=tuple(item.group for item in items),
        clean=clean,
        heads=heads,
        mlps=mlps,
        about={
            "mode": mode,
            "replacement": replacement.words,
            "seed": seed if mode == "resample" else None,
            "dtype": str(net.dtype).removeprefix("torch."),
            "items": n,
            "tokens": sum(len(s) for item in items for s in sequences_of(item)),
            "nodes": sum(batch.pack.size for batch in batches),
            "rows": rows,
            "operations": work.total,
        },
    )


def _ablate_layer(
    net: Network, batch: "_Batch", layer: int, run: Activations, outputs: Outputs, rows: int
) -> Tensor:
    """The bias metric with each head of a block ablated, then its MLP: `[heads + 1, items]`."""
    block, packed, last = net.blocks[layer], batch.pack, layer == net.layers - 1
    mid, z = run.resid_mid[layer][0], run.z[layer][0]
    new_z, new_mlp_out = (t.expand(packed.size, *t.shape[1:]) for t in outputs)
    if last:
        # Nothing reads the other nodes any more.
        mid, z, new_z, new_mlp_out = (t[packed.scored] for t in (mid, z, new_z, new_mlp_out))
    found = []
    for variants in torch.arange(net.heads + 1).split(batch.variants_at_once(rows, last)):
        heads = slice(int(variants[0]), min(int(variants[-1]) + 1, net.heads))
        streams = []
        if heads.start < heads.stop:
            change = torch.bmm(
                (new_z[:, heads] - z[:, heads]).transpose(0, 1), block.head_out[heads]
            )
            ablated = mid + change
            streams.append(ablated + block.mlp(ablated))
        if variants[-1] == net.heads:
            streams.append((mid + new_mlp_out)[None])
        x = torch.cat(streams) if len(streams) > 1 else streams[0]
        final = net.norm(x) if last else resume(net, packed, x, layer + 1)
        found.append(read_bias(net, batch.readout, final))
    return torch.cat(found)


@dataclass(frozen=True)
class _Batch:
    """Items packed together."""

    members: list[int]
    pack: Pack
    readout: Readout

    def variants_at_once(self, rows: int, scored_only: bool) -> int:
        """How many ablations to compute together."""
        if scored_only:
            return max(1, rows // len(self.pack.scored))
        # Where many leaves share a long beginning, attention holds more than the nodes.
        return max(1, round(rows / max(self.pack.size, self.pack.cells / 3)))

    def clean_operations(self, net: Network) -> int:
        """Multiplications and additions of the clean run."""
        block = 2 * (net.attention_weights + net.mlp_weights)
        return self.pack.size * block * net.layers + self._reading(net)

    def layer_operations(self, net: Network, layer: int) -> int:
        """Those of ablating every head and the MLP of a block; attention scores left out."""
        n, u = self.pack.size, len(self.pack.scored)
        attention, mlp = 2 * net.attention_weights, 2 * net.mlp_weights
        ablation = 2 * net.width * net.head_width + mlp
        if layer == net.layers - 1:
            return net.heads * u * ablation + (net.heads + 1) * self._reading(net)
        # Of the last block's attention, all nodes need keys and values: half of the weights.
        rest = n * (net.layers - 2 - layer) * (attention + mlp) + n * attention // 2
        rest += u * (attention // 2 + mlp) + self._reading(net)
        return net.heads * n * ablation + (net.heads + 1) * rest

    def _reading(self, net: Network) -> int:
        vocabulary = len(net.unembed) * len(self.readout.inner) + len(self.readout.token)
        return 2 * net.width * vocabulary


class _Work:
    """Counts floating-point operations and tells the progress callback."""

    def __init__(self, net: Network, batches: Sequence[_Batch], progress: Progress | None) -> None:
        self.total = sum(
            batch.clean_operations(net)
            + sum(batch.layer_operations(net, layer) for layer in range(net.layers))
            for batch in batches
        )
        self._done = 0
        self._progress = progress

    def finish(self, operations: int) -> None:
        """Add to what is done."""
        self._done += operations
        if self._progress is not None:
            self._progress(self._done, self.total)


def _groups(items: Sequence[TokenItem], keys: Sequence[int], rows: int) -> list[list[int]]:
    # The key stands before the tokens as one that no vocabulary has, so that it parts the trie.
    parted = [
        [(-1 - key, *sequence) for sequence in sequences_of(item)]
        for item, key in zip(items, keys, strict=True)
    ]
    return groups(parted, min(_MOST_NODES, max(1, rows * 2 // 3)))


def _pack(
    net: Network, items: Sequence[TokenItem], keys: Sequence[int], members: list[int]
) -> _Batch:
    packed, readout = pack_items(
        [items[i] for i in members], apart=[keys[i] for i in members], device=net.device
    )
    return _Batch(members=members, pack=packed, readout=readout)
