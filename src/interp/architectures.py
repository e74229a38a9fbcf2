"""What the fast engine knows about an architecture: the pieces of a block, over the raw weights.

A `Network` is a table of closures over the tensors of the Hugging Face model; it copies none of
them unless asked for another dtype. The engine needs nothing else, so a further architecture is one
more function in `_ADAPTERS`. What fits: blocks that add attention, then an MLP that reads the sum,
to a residual stream (GPT-2, GPT-Neo; Llama and Qwen2 with `positions` for rotary embeddings and the
heads of `key_value` repeated over their group). Blocks whose MLP runs beside attention do not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.checkpoint import DTYPES, Checkpoint, architecture

__all__ = ["Block", "Network", "has_fast_engine", "network"]


@dataclass(frozen=True)
class Block:
    """One transformer block; `...` stands for any leading axes, `positions` is `[..., n]` or `[n]`.

    Attributes:
        norm: `[..., n, d] -> [..., n, d]`, what attention reads.
        query: `(normed [..., n, d], positions) -> [..., n, heads, head_width]`.
        key_value: Likewise, to a pair, one per head.
        out: `z [..., n, heads * head_width] -> [..., n, d]`, output projection with bias.
        head_out: W_O by head, `[heads, head_width, d]`: head h adds `z_h @ head_out[h]`.
        mlp: `resid_mid [..., n, d] -> mlp_out [..., n, d]`, its norm included.
        scale: Of the attention scores.
        window: How many positions back a query sees, itself included; None for all.
    """

    norm: Callable[[Tensor], Tensor]
    query: Callable[[Tensor, Tensor], Tensor]
    key_value: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    out: Callable[[Tensor], Tensor]
    head_out: Tensor
    mlp: Callable[[Tensor], Tensor]
    scale: float
    window: int | None


@dataclass(frozen=True)
class Network:
    """A causal language model as the engine runs it.

    Attributes:
        embed: `(tokens [n], positions [n]) -> [n, d]`, the first block's residual stream.
        blocks: In order.
        norm: `[..., d] -> [..., d]`, the final norm.
        unembed: `[vocabulary, d]`.
        unembed_bias: `[vocabulary]` or None.
        width: d.
        heads: Attention heads per block.
        head_width: Of one head.
        attention_weights: Matrix entries of one block's attention.
        mlp_weights: Matrix entries of one block's MLP.
        device: Where it runs.
        dtype: What it computes in.
    """

    embed: Callable[[Tensor, Tensor], Tensor]
    blocks: tuple[Block, ...]
    norm: Callable[[Tensor], Tensor]
    unembed: Tensor
    unembed_bias: Tensor | None
    width: int
    heads: int
    head_width: int
    attention_weights: int
    mlp_weights: int
    device: torch.device
    dtype: torch.dtype

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)


def has_fast_engine(checkpoint: Checkpoint) -> bool:
    """Whether `network` knows the architecture of a checkpoint, cross-attention apart."""
    config = checkpoint.model.config
    return architecture(checkpoint) in _ADAPTERS and not getattr(
        config, "add_cross_attention", False
    )


def network(checkpoint: Checkpoint, dtype: str | None = None) -> Network:
    """Make the fast engine's view of a checkpoint.

    Args:
        checkpoint: A checkpoint for which `has_fast_engine` is true.
        dtype: `float32` or `bfloat16`; None for the checkpoint's own, which copies nothing.

    Returns:
        The network.

    Raises:
        InputError: Another dtype.
        ValueError: The architecture has no adapter.
    """
    if not has_fast_engine(checkpoint):
        raise ValueError(f"no fast engine for {architecture(checkpoint)}")
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"dtype: no {dtype!r}; give one of {', '.join(DTYPES)}")
    wanted = getattr(torch, dtype or checkpoint.dtype)

    def take(parameter: Tensor) -> Tensor:
        return parameter.detach().to(wanted)

    return _ADAPTERS[architecture(checkpoint)](checkpoint.model, take)


Take = Callable[[Tensor], Tensor]


def _gpt2(model: Any, take: Take) -> Network:
    config, body = model.config, model.transformer
    heads, d = config.n_head, config.n_embd
    blocks = []
    for layer, h in enumerate(body.h):
        scale = 1 / math.sqrt(d // heads) if config.scale_attn_weights else 1.0
        if config.scale_attn_by_inverse_layer_idx:
            scale /= layer + 1
        # Conv1D keeps [in, out]: columns for query, key and value beside one another.
        w, b = take(h.attn.c_attn.weight), take(h.attn.c_attn.bias)
        parts = [(w[:, :d], b[:d]), (w[:, d : 2 * d], b[d : 2 * d]), (w[:, 2 * d :], b[2 * d :])]
        wo, bo = take(h.attn.c_proj.weight), take(h.attn.c_proj.bias)
        blocks.append(
            _block(
                heads=heads,
                norms=(_layer_norm(h.ln_1, take), _layer_norm(h.ln_2, take)),
                qkv=parts,
                out=(wo, bo),
                mlp=[
                    (take(h.mlp.c_fc.weight), take(h.mlp.c_fc.bias)),
                    (take(h.mlp.c_proj.weight), take(h.mlp.c_proj.bias)),
                ],
                act=_activation(config.activation_function, h.mlp.act),
                scale=scale,
                window=None,
            )
        )
    return _network(model, take, blocks, heads, d)


def _gpt_neo(model: Any, take: Take) -> Network:
    config, body = model.config, model.transformer
    heads, d = config.num_heads, config.hidden_size
    blocks = []
    for layer, h in enumerate(body.h):
        a = h.attn.attention
        # nn.Linear keeps [out, in]; the transposes are views. No biases but the output's.
        parts = [(take(p.weight).T, None) for p in (a.q_proj, a.k_proj, a.v_proj)]
        blocks.append(
            _block(
                heads=heads,
                norms=(_layer_norm(h.ln_1, take), _layer_norm(h.ln_2, take)),
                qkv=parts,
                out=(take(a.out_proj.weight).T, take(a.out_proj.bias)),
                mlp=[
                    (take(h.mlp.c_fc.weight).T, take(h.mlp.c_fc.bias)),
                    (take(h.mlp.c_proj.weight).T, take(h.mlp.c_proj.bias)),
                ],
                act=_activation(config.activation_function, h.mlp.act),
                scale=1.0,  # GPT-Neo does not divide its scores by the root of the width.
                window=config.window_size if config.attention_layers[layer] == "local" else None,
            )
        )
    return _network(model, take, blocks, heads, d)


_ADAPTERS: dict[str, Callable[[Any, Take], Network]] = {"gpt2": _gpt2, "gpt_neo": _gpt_neo}

Affine = tuple[Tensor, Tensor | None]


def _block(
    *,
    heads: int,
    norms: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]],
    qkv: list[Affine],
    out: Affine,
    mlp: list[Affine],
    act: Callable[[Tensor], Tensor],
    scale: float,
    window: int | None,
) -> Block:
    """A block with learned or no positions and an MLP of two layers."""
    first, second = norms
    query, key, value = qkv

    def by_head(x: Tensor, weights: Affine) -> Tensor:
        return _affine(x, weights).unflatten(-1, (heads, -1))

    return Block(
        norm=first,
        query=lambda y, positions: by_head(y, query),
        key_value=lambda y, positions: (by_head(y, key), by_head(y, value)),
        out=lambda z: _affine(z, out),
        head_out=out[0].unflatten(0, (heads, -1)),
        mlp=lambda x: _affine(act(_affine(second(x), mlp[0])), mlp[1]),
        scale=scale,
        window=window,
    )


def _network(model: Any, take: Take, blocks: list[Block], heads: int, d: int) -> Network:
    body = model.transformer
    tokens, places = take(body.wte.weight), take(body.wpe.weight)
    unembed = take(model.lm_head.weight)
    bias = getattr(model.lm_head, "bias", None)
    hidden = body.h[0].mlp.c_fc.weight.numel()
    return Network(
        embed=lambda ids, positions: tokens[ids] + places[positions],
        blocks=tuple(blocks),
        norm=_layer_norm(body.ln_f, take),
        unembed=unembed,
        unembed_bias=None if bias is None else take(bias),
        width=d,
        heads=heads,
        head_width=d // heads,
        attention_weights=4 * d * d,
        mlp_weights=2 * hidden,
        device=unembed.device,
        dtype=unembed.dtype,
    )


def _affine(x: Tensor, weights: Affine) -> Tensor:
    """`x [..., i] @ weight [i, o] + bias`, as one matrix product."""
    weight, bias = weights
    flat = x.reshape(-1, x.shape[-1])
    y = flat @ weight if bias is None else torch.addmm(bias, flat, weight)
    return y.view(*x.shape[:-1], y.shape[-1])


def _layer_norm(module: Any, take: Take) -> Callable[[Tensor], Tensor]:
    weight, bias, epsilon = take(module.weight), take(module.bias), module.eps
    return lambda x: F.layer_norm(x, weight.shape, weight, bias, epsilon)


def _activation(name: str, module: Any) -> Callable[[Tensor], Tensor]:
    """One fused operation where Hugging Face takes seven for the same formula."""
    if name in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
        return _gelu
    activation: Callable[[Tensor], Tensor] = module
    return activation


_GELU_1 = 2 * math.sqrt(2 / math.pi)
_GELU_3 = _GELU_1 * 0.044715


def _gelu(x: Tensor) -> Tensor:
    """`0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, the tanh approximation.

    Written as `x sigmoid(...)` it takes half the time of torch's on a CPU, which computes tanh: 3 %
    of a scan. Where a graph is recorded, and where one kernel does it all, torch's.
    """
    if x.requires_grad or x.device.type != "cpu" or x.dtype != torch.float32:
        return F.gelu(x, approximate="tanh")
    gate = torch.addcmul(x.new_tensor(_GELU_1), x, x, value=_GELU_3)
    return gate.mul_(x).sigmoid_().mul_(x)
