"""The slow way to ablate: hooks on the Hugging Face model, one sequence and component at a time.

Shares no code with the fast engine. Used as its oracle in tests and as the reference in benchmarks.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

Item = tuple[tuple[int, ...], Sequence[tuple[int, ...]], Sequence[tuple[int, ...]]]
"""Prefix, targets of side A, targets of side B."""


def head_input(model, layer: int):
    """The module that reads all heads' z, beside one another."""
    attention = model.transformer.h[layer].attn
    return attention.c_proj if hasattr(attention, "c_proj") else attention.attention.out_proj


def shape(model) -> tuple[int, int, int]:
    """Layers, heads, width of a head."""
    config = model.config
    heads = config.num_attention_heads
    return len(model.transformer.h), heads, config.hidden_size // heads


@contextmanager
def head_replaced(model, layer: int, head: int, values: torch.Tensor) -> Iterator[None]:
    """Replace z of a head by values `[positions, width]`, of which the first ones are used."""
    width = shape(model)[2]

    def hook(module, args):
        z = args[0].clone()
        z[0, :, head * width : (head + 1) * width] = values[: z.shape[1]]
        return (z, *args[1:])

    handle = head_input(model, layer).register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def mlp_replaced(model, layer: int, values: torch.Tensor) -> Iterator[None]:
    """Replace the output of an MLP by values `[positions, d]`."""
    handle = model.transformer.h[layer].mlp.register_forward_hook(
        lambda module, args, output: values[: output.shape[1]][None].clone()
    )
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def bias(model, item: Item) -> float:
    """log P(A | prefix) - log P(B | prefix), every target in a forward pass of its own."""
    prefix, *sides = item
    logs = []
    for targets in sides:
        scores = []
        for target in targets:
            tokens = torch.tensor([[*prefix, *target]])
            log_probs = model(tokens, use_cache=False).logits[0].log_softmax(-1)
            places = range(len(prefix) - 1, tokens.shape[1] - 1)
            scores.append(sum(log_probs[p, tokens[0, p + 1]] for p in places))
        logs.append(torch.logsumexp(torch.stack(scores), 0))
    return float(logs[0] - logs[1])


@torch.no_grad()
def outputs(model, tokens: Sequence[int]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """z `[positions, heads, width]` and MLP outputs `[positions, d]` of each layer."""
    layers, heads, _ = shape(model)
    z: list[torch.Tensor] = []
    mlp: list[torch.Tensor] = []
    handles = []
    for layer in range(layers):
        handles.append(
            head_input(model, layer).register_forward_pre_hook(
                lambda module, args: z.append(args[0][0].unflatten(-1, (heads, -1)))
            )
        )
        handles.append(
            model.transformer.h[layer].mlp.register_forward_hook(
                lambda module, args, output: mlp.append(output[0])
            )
        )
    try:
        model(torch.tensor([list(tokens)]), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return z, mlp


Values = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]
"""`(item, layer) -> (z [positions, heads, width], mlp_out [positions, d])`, long enough for any
target."""


def zeros(model, items: Sequence[Item]) -> Values:
    _, heads, width = shape(model)
    longest = _longest(items)
    return lambda item, layer: (
        torch.zeros(longest, heads, width),
        torch.zeros(longest, heads * width),
    )


def means(model, items: Sequence[Item]) -> Values:
    """The first position's mean first, then the mean of all later ones, all prefixes together."""
    per_item = [outputs(model, prefix) for prefix, _, _ in items]
    longest = _longest(items)

    def mean(kind: int, layer: int) -> torch.Tensor:
        first = torch.stack([found[kind][layer][0] for found in per_item]).mean(0)
        later = torch.cat([found[kind][layer][1:] for found in per_item]).mean(0)
        return torch.stack([first] + [later] * (longest - 1))

    return lambda item, layer: (mean(0, layer), mean(1, layer))


def others(model, items: Sequence[Item], partners: dict) -> Values:
    """Outputs in the partner's prompt, aligned from the end."""
    longest = _longest(items)

    def taken(item: int, layer: int, kind: int) -> torch.Tensor:
        prefix = items[item][0]
        source = outputs(model, partners[prefix])[kind][layer]
        backwards = list(source[1:].flip(0)) or [source[0]]
        rows = [
            backwards[min(back, len(backwards) - 1)] for back in range(len(prefix) - 1)
        ]  # from the last position to the second
        return torch.stack([source[0], *reversed(rows)] + [source[-1]] * (longest - len(prefix)))

    return lambda item, layer: (taken(item, layer, 0), taken(item, layer, 1))


def brute_force(
    model, items: Sequence[Item], values: Values
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clean bias `[n]`, effects of heads `[layers, heads, n]` and of MLPs `[layers, n]`."""
    layers, heads, _ = shape(model)
    clean = torch.tensor([bias(model, item) for item in items])
    head_effects = torch.empty(layers, heads, len(items))
    mlp_effects = torch.empty(layers, len(items))
    for index, item in enumerate(items):
        for layer in range(layers):
            z, mlp = values(index, layer)
            for head in range(heads):
                with head_replaced(model, layer, head, z[:, head]):
                    head_effects[layer, head, index] = bias(model, item) - clean[index]
            with mlp_replaced(model, layer, mlp):
                mlp_effects[layer, index] = bias(model, item) - clean[index]
    return clean, head_effects, mlp_effects


def _longest(items: Sequence[Item]) -> int:
    return max(len(p) + max(map(len, (*a, *b))) for p, a, b in items)
