"""Reading the bias off the residual stream: logit lens and direct logit attribution.

*Logit lens* (nostalgebraist 2020): the metric that the residual stream of a layer would give if the
final norm and the unembedding came right after it. Layer 0 is the embeddings; the last layer's is
the model's own metric.

*Direct logit attribution* (Elhage et al. 2021): the residual stream at the prompt's last token is a
sum of what the embeddings, every head, every MLP and the biases of the attention outputs have
written, and the logits are linear in it once the final LayerNorm's scale is held at what it is.
logit(A) - logit(B) is then the sum of what each writes along the difference of the two unembedding
directions. That the sum gives the gap is checked, to 1e-4; it is a statement about what reaches the
logits directly, not about what would happen without the component.

Linear means: one target of one token on either side. Items with targets of several tokens (whose
normalisers differ) or several targets on a side (whose probabilities add) have no such sum and are
refused with the reason; the lens reads them all.

GPT-2 and GPT-Neo, on the fast engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.architectures import Network, has_fast_engine, network
from pluralens.interp.bias_metric import pack_items, read_bias
from pluralens.interp.checkpoint import Checkpoint, architecture
from pluralens.interp.engine import Activations, forward
from pluralens.interp.interventions import by_length
from pluralens.interp.memory import Rows, fits_in_memory, rows_at_once
from pluralens.interp.tokens import TokenisedItems, TokenItem

__all__ = ["ADDITIVITY", "DirectAttribution", "LensResult", "direct_attribution", "logit_lens"]

ADDITIVITY = 1e-4
"""Most that the sum may differ from the logit gap, in units of max(1, |gap|)."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LensResult:
    """Bias of n items by layer.

    Attributes:
        ids: Of the items, in the order of the arrays.
        groups: Of the items.
        bias: `[layers + 1, n]`; layer 0 is the embeddings, the last is the model's own metric.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    bias: Floats


@dataclass(frozen=True)
class DirectAttribution:
    """What each component adds to the logit gap of n items.

    Attributes:
        ids: Of the items, in the order of the arrays.
        groups: Of the items.
        gap: logit(A) - logit(B), `[n]`.
        embedding: Token and position embeddings, `[n]`.
        heads: `[layers, heads, n]`.
        mlps: `[layers, n]`, output biases included.
        attention_bias: Biases of the attention outputs, `[layers, n]`.
        norm_bias: Bias of the final norm, `[n]`.
        unembed_bias: `[n]`.
        refused: Reason by id.
        worst: Largest |sum - gap| / max(1, |gap|).
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    gap: Floats
    embedding: Floats
    heads: Floats
    mlps: Floats
    attention_bias: Floats
    norm_bias: Floats
    unembed_bias: Floats
    refused: dict[str, str]
    worst: float

    @property
    def total(self) -> Floats:
        """Sum over all components, `[n]`."""
        parts = [self.embedding, self.heads.sum((0, 1)), self.mlps.sum(0)]
        parts += [self.attention_bias.sum(0), self.norm_bias, self.unembed_bias]
        found: Floats = np.sum(parts, axis=0)
        return found


def logit_lens(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    *,
    rows: Rows = "auto",
) -> LensResult:
    """Read the bias metric off every layer.

    Args:
        checkpoint: GPT-2 or GPT-Neo.
        items: Tokenised items.
        rows: Tokens computed at once.

    Returns:
        Bias by layer.

    Raises:
        InputError: No items, another architecture, or not enough memory.
    """
    used = _used(checkpoint, items)
    with checkpoint.lock, torch.no_grad():
        net = network(checkpoint)
        at_once = rows_at_once(net, rows)
        bias = np.full((net.layers + 1, len(used)), np.nan, np.float32)
        with fits_in_memory(at_once):
            for members in by_length(used, at_once):
                packed, readout = pack_items([used[i] for i in members], device=net.device)
                run = forward(net, packed, keep=("resid_pre", "resid_post"))
                streams = [run.resid_pre[0], *run.resid_post]
                for layer, stream in enumerate(streams):
                    final = net.norm(stream.index_select(1, packed.scored))
                    bias[layer, members] = read_bias(net, readout, final)[0].cpu().numpy()
    return LensResult(tuple(i.id for i in used), tuple(i.group for i in used), bias)


def direct_attribution(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    *,
    rows: Rows = "auto",
) -> DirectAttribution:
    """Split the logit gap of every item into what each component adds to it.

    Args:
        checkpoint: GPT-2 or GPT-Neo, in float32.
        items: Tokenised items.
        rows: Tokens computed at once.

    Returns:
        Contributions, and the items that have none with the reason.

    Raises:
        InputError: No items that have a logit gap, another architecture or dtype, or not enough
            memory.
        ArithmeticError: The contributions do not sum to the gap.
    """
    given = _used(checkpoint, items)
    if checkpoint.dtype != "float32":
        raise InputError(
            f"dtype: contributions do not add up in {checkpoint.dtype}; give dtype=float32"
        )
    refused = {item.id: reason for item in given if (reason := _not_linear(item))}
    used = [item for item in given if item.id not in refused]
    if not used:
        raise InputError(
            f"lens: no item has a logit gap ({next(iter(refused.values()))}); give other data"
        )
    with checkpoint.lock, torch.no_grad():
        net = network(checkpoint)
        at_once = rows_at_once(net, rows)
        with fits_in_memory(at_once):
            parts = [
                (members, _contributions(checkpoint, net, [used[i] for i in members]))
                for members in by_length(used, at_once)
            ]
    made = DirectAttribution(
        ids=tuple(item.id for item in used),
        groups=tuple(item.group for item in used),
        refused=refused,
        worst=0.0,
        **{key: _laid_out(parts, key, len(used)) for key in parts[0][1]},
    )
    worst = float(np.max(np.abs(made.total - made.gap) / np.maximum(1, np.abs(made.gap))))
    if not worst <= ADDITIVITY:
        raise ArithmeticError(f"contributions differ from the logit gap by {worst:.2g}")
    return replace(made, worst=worst)


def _used(
    checkpoint: Checkpoint, items: TokenisedItems | Sequence[TokenItem]
) -> tuple[TokenItem, ...]:
    used = items.usable if isinstance(items, TokenisedItems) else tuple(items)
    if not used:
        raise InputError("lens: no usable items; see the reasons, or give other data")
    if not has_fast_engine(checkpoint):
        raise InputError(
            f"{checkpoint.name}: the lens reads GPT-2 and GPT-Neo, not {architecture(checkpoint)}; "
            "give another checkpoint, or run ablation or attribution on this one"
        )
    return used


def _not_linear(item: TokenItem) -> str | None:
    """Why an item has no logit gap."""
    if not item.single:
        return "a target has several tokens: their normalisers do not cancel"
    if len(item.targets) > 2:
        return "several targets on a side: their probabilities add, not their logits"
    return None


def _contributions(
    checkpoint: Checkpoint, net: Network, items: Sequence[TokenItem]
) -> dict[str, Floats]:
    """Contributions of every component, by name."""
    packed, readout = pack_items(items, device=net.device)
    run = forward(net, packed)
    ends = torch.tensor([path[-1] for path in packed.prefixes], device=net.device)
    tokens = torch.tensor([[*i.a[0], *i.b[0]] for i in items], device=net.device)
    toward = net.unembed[tokens[:, 0]] - net.unembed[tokens[:, 1]]
    read = _frozen_norm(checkpoint, run, ends, toward)
    heads, mlps, bias = [], [], []
    for layer, block in enumerate(net.blocks):
        # What the bias of W_O adds is what attention adds without any z.
        nothing = block.out(torch.zeros_like(run.z[layer][0, :1]).flatten(-2))
        written = torch.einsum("nhw,hwd->hnd", run.z[layer][0, ends], block.head_out)
        heads.append((written * read).sum(-1))
        mlps.append((run.mlp_out[layer][0, ends] * read).sum(-1))
        bias.append((nothing * read).sum(-1))
    zero = toward.new_zeros(len(items))
    unembed = zero
    if net.unembed_bias is not None:
        unembed = net.unembed_bias[tokens[:, 0]] - net.unembed_bias[tokens[:, 1]]
    norm_bias = (checkpoint.model.transformer.ln_f.bias * toward).sum(-1)
    found = {
        "gap": read_bias(net, readout, run.final)[0],
        "embedding": (run.resid_pre[0][0, ends] * read).sum(-1),
        "heads": torch.stack(heads),
        "mlps": torch.stack(mlps),
        "attention_bias": torch.stack(bias),
        "norm_bias": norm_bias,
        "unembed_bias": unembed,
    }
    return {key: value.float().cpu().numpy() for key, value in found.items()}


def _frozen_norm(checkpoint: Checkpoint, run: Activations, ends: Tensor, toward: Tensor) -> Tensor:
    """The direction in the residual stream whose product with it is the gap, `[n, d]`.

    LayerNorm is (x - mean(x)) / scale * weight + bias. With the scale fixed it is linear, and its
    transpose takes the unembedding difference back to the residual stream.
    """
    norm = checkpoint.model.transformer.ln_f
    variance = run.resid_post[-1][0, ends].var(-1, unbiased=False, keepdim=True)
    back = toward * norm.weight / (variance + norm.eps).sqrt()
    return back - back.mean(-1, keepdim=True)


def _laid_out(parts: Sequence[tuple[list[int], dict[str, Floats]]], key: str, n: int) -> Floats:
    """Batches put back into the order of the items."""
    whole = np.full((*parts[0][1][key].shape[:-1], n), np.nan, np.float32)
    for members, found in parts:
        whole[..., members] = found[key]
    return whole
