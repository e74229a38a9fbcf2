"""Ablation of several heads at once, in several blocks, in one forward pass: exact.

What each head gives way to is the same as in the scan of single components (`mean` or `zero`, see
`pluralens.interp.replacement`); the mean is always that of the untouched network, so that the
ablation of a set does not depend on the order in which its heads are thought of.

GPT-2 and GPT-Neo go through the fast engine, many sets in one batch. Any other architecture whose
heads' outputs meet in one projection runs itself, with hooks there, one set after the other.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.ablation import Progress
from pluralens.interp.architectures import Network, has_fast_engine, network
from pluralens.interp.bias_metric import pack_items, sequences_of
from pluralens.interp.blocks import head_readers, head_shape
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.engine import Point, forward, normalisers
from pluralens.interp.likelihood import sequence_log_probs
from pluralens.interp.memory import Rows, fits_in_memory, rows_at_once
from pluralens.interp.packing import groups, pack
from pluralens.interp.replacement import mean_replacement
from pluralens.interp.tokens import Sentences, TokenisedItems, TokenItem, Tokens

__all__ = ["Head", "JointAblation", "ablate_together"]

Head = tuple[int, int]
"""Layer and head."""

Floats = NDArray[np.float64]
_MODES = ("mean", "zero")
# A pack that many sets go through together is smaller than one that is run once.
_FEWEST_VARIANTS = 4
_PROMPTS = 64


@dataclass(frozen=True)
class JointAblation:
    """The bias and the cost of ablating sets of heads.

    Attributes:
        ids: Of the n items.
        groups: Of the items.
        clean: Bias metric of the untouched network, `[n]`.
        bias: With each set ablated, `[sets, n]`.
        clean_log_probs: Mean log-probability per token of m sentences, untouched, `[m]`; NaN where
            a sentence is unusable.
        log_probs: With each set ablated, `[sets, m]`.
        tokens: Scored tokens of each sentence, `[m]`.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    clean: Floats
    bias: Floats
    clean_log_probs: Floats
    log_probs: Floats
    tokens: NDArray[np.int64]


def ablate_together(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    sets: Sequence[Collection[Head]],
    *,
    sentences: Sentences | None = None,
    mode: Literal["mean", "zero"] = "mean",
    rows: Rows = "auto",
    fast: bool | None = None,
    progress: Progress | None = None,
) -> JointAblation:
    """Ablate sets of heads, all of a set together, on items and on sentences.

    Args:
        checkpoint: The checkpoint.
        items: Tokenised items; the mean is taken over their prompts.
        sets: Heads by layer and number; a set may be empty.
        sentences: What the cost in language modelling is measured on; None for nothing.
        mode: What replaces a head's output: its `mean` over prompts, or `zero`.
        rows: Tokens computed at once.
        fast: Whether to use the fast engine; None where there is one.
        progress: Told after every set (hooks) or batch (engine).

    Returns:
        Bias and log-probabilities.

    Raises:
        InputError: No items, no such head or mode, an architecture without such a projection, or
            not enough memory.
    """
    used = items.usable if isinstance(items, TokenisedItems) else tuple(items)
    if not used:
        raise InputError("ablation: no usable items; see the reasons, or give other data")
    if mode not in _MODES:
        raise InputError(f"mode: no {mode!r} for several heads; give one of {', '.join(_MODES)}")
    texts = sentences.tokens if sentences is not None else ()
    work = _Work.of(used, [tokens for tokens in texts if tokens])
    with checkpoint.lock, torch.no_grad():
        layers, heads, _ = head_shape(checkpoint)
        masks = _masks(sets, layers, heads)
        if has_fast_engine(checkpoint) if fast is None else fast:
            net = network(checkpoint)
            at_once = rows_at_once(net, rows)
            with fits_in_memory(at_once):
                values = _engine_values(net, used, mode, at_once)
                logs = _engine_log_probs(net, work, masks, values, at_once, progress)
        else:
            values = _hook_values(checkpoint, used, mode)
            logs = _hook_log_probs(checkpoint, work, masks, values, rows, progress)
    bias = work.bias(logs)
    scored, counts = np.full((len(logs), len(texts)), np.nan), np.zeros(len(texts), np.int64)
    places = [place for place, tokens in enumerate(texts) if tokens]
    counts[places] = [len(tokens) - 1 for tokens in texts if tokens]
    scored[:, places] = logs[:, work.targets :] / counts[places]
    return JointAblation(
        ids=tuple(item.id for item in used),
        groups=tuple(item.group for item in used),
        clean=bias[0],
        bias=bias[1:],
        clean_log_probs=scored[0],
        log_probs=scored[1:],
        tokens=counts,
    )


@dataclass(frozen=True)
class _Work:
    """Everything as log P(sequence[start:] | sequence[:start]): targets first, then sentences."""

    items: Sequence[TokenItem]
    sequences: list[Tokens]
    starts: list[int]
    targets: int

    @classmethod
    def of(cls, items: Sequence[TokenItem], sentences: Sequence[Tokens]) -> "_Work":
        sequences = [item.prefix + target for item in items for target in item.targets]
        starts = [len(item.prefix) for item in items for _ in item.targets]
        return cls(items, [*sequences, *sentences], starts + [1] * len(sentences), len(sequences))

    def bias(self, logs: Floats) -> Floats:
        """From `[sets, sequences]` to `[sets, items]`."""
        found, place = np.empty((len(logs), len(self.items))), 0
        for index, item in enumerate(self.items):
            middle, end = place + len(item.a), place + len(item.targets)
            a, b = logs[:, place:middle], logs[:, middle:end]
            found[:, index] = np.logaddexp.reduce(a, axis=1) - np.logaddexp.reduce(b, axis=1)
            place = end
        return found


def _masks(sets: Sequence[Collection[Head]], layers: int, heads: int) -> Tensor:
    """`[1 + sets, layers, heads]`, whether a head is ablated; nothing is in the first."""
    masks = torch.zeros((len(sets) + 1, layers, heads), dtype=torch.bool)
    for row, chosen in enumerate(sets, start=1):
        for layer, head in chosen:
            if not (0 <= layer < layers and 0 <= head < heads):
                raise InputError(
                    f"heads: no head {head} in layer {layer}; give layers below {layers} and "
                    f"heads below {heads}"
                )
            masks[row, layer, head] = True
    return masks


def _engine_values(net: Network, items: Sequence[TokenItem], mode: str, rows: int) -> Tensor:
    """What replaces z at the first and at later positions, `[layers, 2, heads, head_width]`."""
    shape = (net.layers, 2, net.heads, net.head_width)
    if mode == "zero":
        return torch.zeros(shape, device=net.device, dtype=net.dtype)
    packs = [
        pack_items([items[i] for i in members], device=net.device)[0]
        for members in groups([sequences_of(item) for item in items], rows)
    ]
    outputs = mean_replacement(net, packs).values(pack([(0, 0)], device=net.device), [])
    return torch.stack([outputs(layer)[0] for layer in range(net.layers)])


def _engine_log_probs(
    net: Network,
    work: _Work,
    masks: Tensor,
    values: Tensor,
    rows: int,
    progress: Progress | None,
) -> Floats:
    """Log-probabilities of all sequences under all sets, `[1 + sets, sequences]`."""
    found = np.empty((len(masks), len(work.sequences)))
    masks = masks.to(net.device)
    done, total = 0, len(masks) * sum(map(len, work.sequences))
    parts = groups([[s[:-1]] for s in work.sequences], max(1, rows // _FEWEST_VARIANTS))
    for members in parts:
        scored = [range(work.starts[i] - 1, len(work.sequences[i]) - 1) for i in members]
        packed = pack([work.sequences[i][:-1] for i in members], scored=scored, device=net.device)
        edges = [
            (packed.scored_index[path[p]], work.sequences[i][p + 1], row)
            for row, (i, path, places) in enumerate(zip(members, packed.paths, scored, strict=True))
            for p in places
        ]
        nodes, tokens, row_of = torch.tensor(edges, device=net.device).T
        later = (packed.positions > 0).long()
        for chunk in torch.arange(len(masks)).split(max(1, rows // packed.size)):
            mask = masks[chunk.to(net.device)]

            def ablate(
                point: Point, layer: int, x: Tensor, mask: Tensor = mask, later: Tensor = later
            ) -> Tensor:
                if point != "z":
                    return x
                return torch.where(mask[:, layer][:, None, :, None], values[layer][later], x)

            start = net.embed(packed.tokens, packed.positions)[None].repeat(len(chunk), 1, 1)
            final = forward(net, packed, start=start, edit=ablate, keep=()).final
            logs = _token_log_probs(net, final, nodes, tokens)
            sums = logs.new_zeros((len(chunk), len(members)))
            sums.index_add_(1, row_of, logs)
            found[np.ix_(chunk.numpy(), members)] = sums.cpu().numpy()
            done += len(chunk) * sum(len(work.sequences[i]) for i in members)
            if progress is not None:
                progress(done, total)
    return found


def _token_log_probs(net: Network, final: Tensor, nodes: Tensor, tokens: Tensor) -> Tensor:
    """Log-probability of each token after its node, `[variants, edges]`."""
    norms = normalisers(net, final)
    unembed = net.unembed[tokens].float()
    logits = torch.stack([(one[nodes].float() * unembed).sum(-1) for one in final])
    if net.unembed_bias is not None:
        logits = logits + net.unembed_bias[tokens].float()
    logs = logits - norms[:, nodes]
    return logs if logs.device.type == "mps" else logs.double()


def _hook_values(checkpoint: Checkpoint, items: Sequence[TokenItem], mode: str) -> Tensor:
    """As `_engine_values`, from the model itself, prompts of the same length together."""
    layers, heads, width = head_shape(checkpoint)
    sums = torch.zeros((layers, 2, heads * width), dtype=torch.float64)
    if mode == "zero":
        return sums.to(checkpoint.device, torch.float32).unflatten(-1, (heads, width))
    by_length: dict[int, list[Tokens]] = {}
    for item in items:
        by_length.setdefault(len(item.prefix), []).append(item.prefix)
    for alike in by_length.values():
        for batch in torch.tensor(alike, device=checkpoint.device).split(_PROMPTS):
            with _read(checkpoint) as z:
                checkpoint.model.base_model(batch, use_cache=False)
            for layer, one in enumerate(z):
                sums[layer, 0] += one[:, 0].double().sum(0).cpu()
                sums[layer, 1] += one[:, 1:].double().sum((0, 1)).cpu()
    later = sum(len(item.prefix) - 1 for item in items)
    # Prompts of one token: later positions have nothing of their own to take from.
    first = sums[:, 0] / len(items)
    means = torch.stack([first, sums[:, 1] / later if later else first], dim=1)
    return means.to(checkpoint.device, torch.float32).unflatten(-1, (heads, width))


def _hook_log_probs(
    checkpoint: Checkpoint,
    work: _Work,
    masks: Tensor,
    values: Tensor,
    rows: Rows,
    progress: Progress | None,
) -> Floats:
    found = np.empty((len(masks), len(work.sequences)))
    for index, mask in enumerate(masks):
        with _replaced(checkpoint, mask, values):
            found[index] = sequence_log_probs(
                checkpoint, work.sequences, work.starts, rows=rows, fast=False
            )
        if progress is not None:
            progress(index + 1, len(masks))
    return found


@contextmanager
def _read(checkpoint: Checkpoint) -> Iterator[list[Tensor]]:
    """Collect z `[batch, positions, heads * width]` of every block while the model runs."""
    found: list[Tensor] = []
    with ExitStack() as stack:
        for module in head_readers(checkpoint):
            handle = module.register_forward_pre_hook(lambda _, args: found.append(args[0]))
            stack.callback(handle.remove)
        yield found


@contextmanager
def _replaced(checkpoint: Checkpoint, mask: Tensor, values: Tensor) -> Iterator[None]:
    """Replace z of the heads in `mask [layers, heads]`, whatever the model reads."""

    def hook(layer: int) -> Any:
        chosen = mask[layer].nonzero()[:, 0].to(values.device)

        def replace(module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            z = args[0].unflatten(-1, values.shape[2:]).clone()
            z[:, :1, chosen] = values[layer, 0, chosen].to(z.dtype)
            z[:, 1:, chosen] = values[layer, 1, chosen].to(z.dtype)
            return (z.flatten(-2), *args[1:])

        return replace

    with ExitStack() as stack:
        for layer, module in enumerate(head_readers(checkpoint)):
            if mask[layer].any():
                stack.callback(module.register_forward_pre_hook(hook(layer)).remove)
        yield
