"""The bias metric: log P(targets A | prefix) - log P(targets B | prefix), one number per item.

P of a side is the sum over its targets, log P of a target the sum over its tokens, each given what
precedes it (teacher forcing). All targets of an item follow the same prefix, so the normaliser of
their first tokens cancels: with targets of one token the metric is
logsumexp(logits of A) - logsumexp(logits of B) at the prefix's last token, and nothing is ever
normalised. Positive values favour A.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pluralens.interp.architectures import Network
from pluralens.interp.engine import normalisers
from pluralens.interp.packing import Pack, pack
from pluralens.interp.tokens import TokenItem, Tokens

__all__ = ["Readout", "pack_items", "read_bias", "read_targets", "sequences_of"]


@dataclass(frozen=True)
class Readout:
    """Where the metric of each item is read in a pack.

    Attributes:
        place: `[t]`, per target token the place among the scored nodes that predicts it.
        token: `[t]`, its id.
        target: `[t]`, the target it belongs to.
        inner: `[m]`, places whose normaliser does not cancel.
        inner_place: `[k]`, per token after a target's first its place in `inner`.
        inner_target: `[k]`, the target it belongs to.
        a: `[items, most]`, targets of side A, filled up with the number of targets.
        b: Likewise of side B.
        targets: Number of targets.
        first: `[items]`, place among the scored nodes of each prefix's last token.
    """

    place: Tensor
    token: Tensor
    target: Tensor
    inner: Tensor
    inner_place: Tensor
    inner_target: Tensor
    a: Tensor
    b: Tensor
    targets: int
    first: Tensor


def sequences_of(item: TokenItem) -> list[Tokens]:
    """What the model has to read for an item: the prefix with each target but its last token."""
    return list(dict.fromkeys(item.prefix + target[:-1] for target in item.targets))


def pack_items(
    items: Sequence[TokenItem],
    *,
    apart: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Pack, Readout]:
    """Pack items and note where to read them.

    Args:
        items: The items.
        apart: A key per item; items with different keys share no node.
        device: Where the tensors go.

    Returns:
        The pack and the readout. `pack.prefixes[i]` are the nodes of item i's prompt.
    """
    sequences = [item.prefix for item in items]
    scored: list[list[int]] = [[len(item.prefix) - 1] for item in items]
    keys = list(apart if apart is not None else [0] * len(items))
    for item, key in zip(items, list(keys), strict=True):
        for target in item.targets:
            sequences.append(item.prefix + target[:-1])
            scored.append(list(range(len(item.prefix) - 1, len(sequences[-1]))))
            keys.append(key)
    packed = pack(sequences, scored=scored, apart=keys, device=device)
    packed = replace(packed, prefixes=packed.paths[: len(items)])
    return packed, _readout(items, packed, device)


def _readout(items: Sequence[TokenItem], packed: Pack, device: torch.device | str) -> Readout:
    tokens: list[tuple[int, int, int]] = []  # place, token, target
    later: list[tuple[int, int]] = []  # place, target
    inner: dict[int, int] = {}
    sides: tuple[list[list[int]], list[list[int]]] = ([], [])
    count = 0
    for item in items:
        for side, targets in zip(sides, (item.a, item.b), strict=True):
            side.append(list(range(count, count + len(targets))))
            for target in targets:
                path = packed.paths[len(items) + count]
                for step, token in enumerate(target):
                    place = packed.scored_index[path[len(item.prefix) - 1 + step]]
                    tokens.append((place, token, count))
                    if step:
                        later.append((inner.setdefault(place, len(inner)), count))
                count += 1
    most = [max(map(len, side)) for side in sides]

    def column(values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=device)

    a, b = (
        torch.tensor([[*row, *[count] * (width - len(row))] for row in side], device=device)
        for side, width in zip(sides, most, strict=True)
    )
    return Readout(
        place=column([row[0] for row in tokens]),
        token=column([row[1] for row in tokens]),
        target=column([row[2] for row in tokens]),
        inner=column(list(inner)),
        inner_place=column([row[0] for row in later]),
        inner_target=column([row[1] for row in later]),
        a=a,
        b=b,
        targets=count,
        first=column([packed.scored_index[path[-1]] for path in packed.paths[: len(items)]]),
    )


def read_targets(network: Network, readout: Readout, final: Tensor) -> Tensor:
    """Log-probability of every target, up to the normaliser that an item's targets share.

    Args:
        network: The network.
        readout: Where to read.
        final: `[variants, u, d]`, the scored nodes after the final norm.

    Returns:
        `[variants, targets]`, float32.
    """
    # Few numbers, read once: float32 whatever the network computes in.
    rows = network.unembed[readout.token].float()
    logits = torch.einsum("vtd,td->vt", final[:, readout.place].float(), rows)
    if network.unembed_bias is not None:
        logits = logits + network.unembed_bias[readout.token].float()
    shape = (final.shape[0], readout.targets)
    scores = logits.new_zeros(shape).index_add(1, readout.target, logits)
    if len(readout.inner):
        norms = normalisers(network, final[:, readout.inner])
        scores = scores.index_add(1, readout.inner_target, -norms[:, readout.inner_place])
    return scores


def read_bias(network: Network, readout: Readout, final: Tensor) -> Tensor:
    """The bias metric of every item.

    Args:
        network: The network.
        readout: Where to read.
        final: `[variants, u, d]`, the scored nodes after the final norm.

    Returns:
        `[variants, items]`, float32. Differentiable.
    """
    scores = read_targets(network, readout, final)
    # One more column, for the filling: it adds nothing to a sum of probabilities.
    scores = torch.cat([scores, scores.new_full((len(scores), 1), float("-inf"))], dim=1)
    return scores[:, readout.a].logsumexp(-1) - scores[:, readout.b].logsumexp(-1)
