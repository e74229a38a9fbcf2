"""The slow way to patch and attribute: hooks on the Hugging Face model, one sequence at a time.

Shares no code with `pluralens.interp`. Sites are `z` (beside one another), `mlp_out`, `resid_post`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import torch

Tokens = tuple[int, ...]
Change = Callable[[torch.Tensor], torch.Tensor]
SITES = ("z", "mlp_out", "resid_post")


def like_gpt2(model):
    """Give a Llama-style model the names that GPT-2's modules have; for oracles alone."""
    model.transformer = SimpleNamespace(
        h=[
            SimpleNamespace(
                attn=SimpleNamespace(c_proj=layer.self_attn.o_proj), mlp=layer.mlp, whole=layer
            )
            for layer in model.model.layers
        ]
    )
    return model


@contextmanager
def hooked(model, site: str, layer: int, change: Change) -> Iterator[None]:
    """Change an activation `[positions, ...]` while the model runs one sequence."""
    block = model.transformer.h[layer]

    def after(module, args, output):
        if isinstance(output, tuple):
            return (change(output[0][0])[None], *output[1:])
        return change(output[0])[None]

    if site == "z":
        reader = getattr(block.attn, "c_proj", None) or block.attn.attention.out_proj
        handle = reader.register_forward_pre_hook(lambda m, args: (change(args[0][0])[None],))
    else:
        module = block.mlp if site == "mlp_out" else getattr(block, "whole", block)
        handle = module.register_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()


def log_prob(model, prefix: Tokens, target: Tokens) -> torch.Tensor:
    """Log P(target | prefix)."""
    tokens = torch.tensor([[*prefix, *target]])
    logs = model(tokens, use_cache=False).logits[0].log_softmax(-1)
    places = range(len(prefix) - 1, tokens.shape[1] - 1)
    return torch.stack([logs[p, tokens[0, p + 1]] for p in places]).sum()


def taken(model, tokens: Sequence[int], site: str, layer: int) -> torch.Tensor:
    """An activation in one sequence, `[positions, ...]`."""
    kept = []

    def keep(x):
        kept.append(x.detach().clone())
        return x

    with torch.no_grad(), hooked(model, site, layer, keep):
        model(torch.tensor([list(tokens)]), use_cache=False)
    return kept[0]


def patched_bias(
    model,
    prefix: Tokens,
    a: Sequence[Tokens],
    b: Sequence[Tokens],
    site: str,
    layer: int,
    change: Callable[[torch.Tensor, Tokens], torch.Tensor],
) -> float:
    """The metric with an activation changed: `change(activation, target)`, target by target."""
    sides = []
    for targets in (a, b):
        logs = []
        for target in targets:
            with (
                torch.no_grad(),
                hooked(model, site, layer, lambda x, target=target: change(x, target)),
            ):
                logs.append(log_prob(model, prefix, target))
        sides.append(torch.logsumexp(torch.stack(logs), 0))
    return float(sides[0] - sides[1])


def gradient_products(
    model, prefix: Tokens, twin: Tokens, a: Sequence[Tokens], b: Sequence[Tokens], layer: int
) -> dict[str, torch.Tensor]:
    """(clean - corrupt) * gradient by site, summed over positions: `[features]`."""
    found = {site: torch.tensor(0.0) for site in SITES}
    leaves = []

    def run(target, site):
        def leaf(x):
            new = x.detach().requires_grad_()
            leaves.append((target, new))
            return new

        with torch.enable_grad(), hooked(model, site, layer, leaf):
            return log_prob(model, prefix, target)

    for site in SITES:
        leaves.clear()
        sides = [torch.stack([run(target, site) for target in side]) for side in (a, b)]
        metric = sides[0].logsumexp(0) - sides[1].logsumexp(0)
        grads = torch.autograd.grad(metric, [x for _, x in leaves])
        for (target, x), grad in zip(leaves, grads, strict=True):
            other = taken(model, (*twin, *target), site, layer)
            found[site] = found[site] + ((x.detach() - other) * grad).sum(0)
    return found
