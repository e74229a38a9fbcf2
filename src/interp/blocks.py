"""Where any Hugging Face causal language model keeps its blocks and its heads' outputs."""

from typing import Any

import torch

from pluralens.errors import InputError
from pluralens.interp.checkpoint import Checkpoint, architecture

__all__ = ["blocks_of", "head_readers", "head_shape"]

# How output projections of attention are called: GPT-2, GPT-Neo and OPT, Llama and its kin,
# GPT-NeoX and Bloom.
_PROJECTIONS = ("c_proj", "out_proj", "o_proj", "dense")


def blocks_of(checkpoint: Checkpoint) -> list[Any]:
    """The transformer blocks, in order.

    Args:
        checkpoint: The checkpoint.

    Raises:
        InputError: There is not exactly one list of as many modules as the model has layers.
    """
    layers = checkpoint.model.config.num_hidden_layers
    found = [
        module
        for module in checkpoint.model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == layers
    ]
    if len(found) != 1:
        raise InputError(
            f"{checkpoint.name}: cannot find the {layers} blocks of {architecture(checkpoint)}; "
            "give a checkpoint of another architecture"
        )
    return list(found[0])


def head_readers(checkpoint: Checkpoint) -> list[Any]:
    """Per block the module that reads all heads' outputs z, beside one another.

    Args:
        checkpoint: The checkpoint.

    Raises:
        InputError: A block has none, or several, or it reads something of another width.
    """
    _, heads, width = head_shape(checkpoint)
    found = []
    for block in blocks_of(checkpoint):
        readers = [
            module
            for name, module in block.named_modules()
            if "att" in name and name.rpartition(".")[2] in _PROJECTIONS
        ]
        # Linear keeps [out, in], GPT-2's Conv1D [in, out].
        if len(readers) != 1 or heads * width not in readers[0].weight.shape:
            raise InputError(
                f"{checkpoint.name}: cannot find where the heads of {architecture(checkpoint)} "
                "meet; give a checkpoint of another architecture"
            )
        found.append(readers[0])
    return found


def head_shape(checkpoint: Checkpoint) -> tuple[int, int, int]:
    """Layers, heads per layer, width of a head.

    Args:
        checkpoint: The checkpoint.
    """
    config = checkpoint.model.config
    heads = int(config.num_attention_heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(config.num_hidden_layers), heads, int(width)
