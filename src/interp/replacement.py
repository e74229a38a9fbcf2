"""What stands in for a component's output while it is ablated.

`zero`: nothing. Out of distribution, and for the MLPs of many models catastrophic.

`mean` (Wang et al. 2022, arXiv:2211.00593): the component's mean output over all prompts of the
scan. Prompts of unequal length and form have no positions in common, so the mean is taken over
prompts and positions alike, every prompt's tokens counting once - except for the first position,
which has a mean of its own: models park attention there and some write activations a hundred times
the usual size (Sun et al. 2024, arXiv:2402.17762), which in a common mean would swamp everything.
Where all prompts begin with the same BOS, the first position therefore does not change. Targets are
not part of the mean; their positions get that of the later positions.

`resample` (Chan et al. 2022, causal scrubbing): the component's output in another prompt, the same
one for all components. The different prompts are put into an order that depends on the seed and
their tokens alone, and each takes from the next, so none takes from itself and each gives once.
Positions are aligned from the end, where the metric is read; first takes from first; what lies
before the other prompt's second position takes from its second; targets take from its last.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.architectures import Network
from pluralens.interp.engine import forward
from pluralens.interp.packing import Pack, pack
from pluralens.interp.tokens import TokenItem, Tokens

__all__ = [
    "MODES",
    "Mode",
    "Outputs",
    "Replacement",
    "mean_replacement",
    "resample_partners",
    "resample_positions",
    "resample_replacement",
    "sharing_keys",
    "zero_replacement",
]

Mode = Literal["mean", "zero", "resample"]
MODES: tuple[Mode, ...] = ("mean", "zero", "resample")

Outputs = tuple[Tensor, Tensor]
"""z `[n or 1, heads, head_width]` and mlp_out `[n or 1, d]` of one layer, n nodes of a pack."""


@dataclass(frozen=True)
class Replacement:
    """A way to replace outputs.

    Attributes:
        words: What it is, for the log.
        values: `(pack, its items) -> (layer -> outputs)`.
    """

    words: str
    values: Callable[[Pack, Sequence[TokenItem]], Callable[[int], Outputs]]


def sharing_keys(items: Sequence[TokenItem], mode: Mode) -> list[int]:
    """Which items may share nodes: those with the same key.

    Args:
        items: The items.
        mode: Of the ablation. What is resampled depends on the whole prompt, so that two prompts
            that begin alike are no longer alike there.

    Returns:
        One key per item.
    """
    if mode != "resample":
        return [0] * len(items)
    number: dict[Tokens, int] = {}
    return [number.setdefault(item.prefix, len(number)) for item in items]


def zero_replacement(network: Network) -> Replacement:
    """Replace by nothing.

    Args:
        network: The network.
    """
    shape = (1, network.heads, network.head_width)
    z = torch.zeros(shape, device=network.device, dtype=network.dtype)
    mlp_out = torch.zeros((1, network.width), device=network.device, dtype=network.dtype)
    return Replacement("zero", lambda pack, items: lambda layer: (z, mlp_out))


def mean_replacement(network: Network, packs: Sequence[Pack]) -> Replacement:
    """Replace by the mean over prompts and positions, the first position apart.

    Args:
        network: The network.
        packs: Of items, spread over them in any way.
    """
    z_sums = torch.zeros((network.layers, 2, network.heads * network.head_width))
    mlp_sums = torch.zeros((network.layers, 2, network.width))
    # Apple's GPUs know no float64.
    wide = torch.float32 if network.device.type == "mps" else torch.float64
    z_sums, mlp_sums = (t.to(network.device, wide) for t in (z_sums, mlp_sums))
    counts = z_sums.new_zeros(2)
    for one in packs:
        weights = _prefix_weights(one).to(z_sums)
        counts += weights.sum(1)
        run = forward(network, one, keep=("z", "mlp_out"))
        for layer in range(network.layers):
            z_sums[layer] += weights @ run.z[layer][0].flatten(1).to(wide)
            mlp_sums[layer] += weights @ run.mlp_out[layer][0].to(wide)
    if not counts[1]:
        # Prompts of one token: targets' positions have nothing of their own to take from.
        for sums in (z_sums, mlp_sums):
            sums[:, 1] = sums[:, 0]
        counts[1] = counts[0]
    z = (z_sums / counts[:, None]).to(network.dtype).unflatten(-1, (network.heads, -1))
    mlp_out = (mlp_sums / counts[:, None]).to(network.dtype)

    def values(pack: Pack, items: Sequence[TokenItem]) -> Callable[[int], Outputs]:
        which = (pack.positions > 0).long()
        return lambda layer: (z[layer][which], mlp_out[layer][which])

    first, later = (int(count) for count in counts.tolist())
    return Replacement(f"mean over {later} later tokens; of {first} first ones apart", values)


def _prefix_weights(pack: Pack) -> Tensor:
    """`[2, n]`: how many prefixes go through each node, first positions and later ones."""
    weights = torch.zeros((2, pack.size))
    for path in pack.prefixes:
        weights[0, path[0]] += 1
        weights[1, list(path[1:])] += 1
    return weights


def resample_partners(prefixes: Sequence[Tokens], seed: int) -> dict[Tokens, Tokens]:
    """Which prompt each prompt takes its outputs from.

    Args:
        prefixes: The prompts; repetitions count once.
        seed: Of the order.

    Returns:
        Another prompt for each, and each once.

    Raises:
        InputError: Fewer than two different prompts.
    """

    def key(tokens: Tokens) -> bytes:
        return hashlib.blake2b(f"resample {seed} {tokens}".encode(), digest_size=16).digest()

    order = sorted(set(prefixes), key=key)
    if len(order) < 2:
        raise InputError("mode: resample needs at least two different prompts; give mode=mean")
    return dict(zip(order, [*order[1:], order[0]], strict=True))


def resample_positions(length: int, partner: int, upto: int) -> list[int]:
    """Where each position of a prompt takes its output from.

    Args:
        length: Tokens of the prompt.
        partner: Tokens of the other prompt.
        upto: Number of positions, those of a target's tokens included.

    Returns:
        Positions in the other prompt.
    """
    earliest = min(1, partner - 1)
    return [
        min(partner - 1, max(earliest, place + partner - length)) if place else 0
        for place in range(upto)
    ]


def resample_replacement(network: Network, items: Sequence[TokenItem], seed: int) -> Replacement:
    """Replace by the output in another prompt.

    Args:
        network: The network.
        items: All items of the scan.
        seed: Of who takes from whom.

    Raises:
        InputError: Fewer than two different prompts.
    """
    partners = resample_partners([item.prefix for item in items], seed)

    def values(packed: Pack, inside: Sequence[TokenItem]) -> Callable[[int], Outputs]:
        sources = [partners[item.prefix] for item in inside]
        other = pack(sources, device=network.device)
        taken = [0] * packed.size
        owners = [*range(len(inside))]
        for index, item in enumerate(inside):
            owners += [index] * len(item.targets)
        for owner, path in zip(owners, packed.paths, strict=True):
            places = resample_positions(len(inside[owner].prefix), len(sources[owner]), len(path))
            for node, place in zip(path, places, strict=True):
                taken[node] = other.paths[owner][place]
        index = torch.tensor(taken, device=network.device)
        run = forward(network, other, keep=("z", "mlp_out"))
        return lambda layer: (run.z[layer][0][index], run.mlp_out[layer][0][index])

    return Replacement(f"outputs in another of {len(partners)} prompts, seed {seed}", values)
