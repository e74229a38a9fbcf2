"""The same network without anything learnt: the control that every analysis can be held against."""

import torch

from pluralens.interp.checkpoint import Checkpoint, adopt

__all__ = ["random_twin"]


def random_twin(checkpoint: Checkpoint, seed: int = 0) -> Checkpoint:
    """Make a randomly initialised model of a checkpoint's configuration.

    Args:
        checkpoint: The checkpoint; it stays as it is.
        seed: Of the weights, which come from the architecture's own initialisation.

    Returns:
        A checkpoint with the same tokenizer, BOS policy, device and dtype. It costs as much memory
        as the first.
    """
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(checkpoint.model.config)
    model = model.to(device=checkpoint.device, dtype=getattr(torch, checkpoint.dtype))
    return adopt(
        model,
        checkpoint.tokenizer,
        name=f"{checkpoint.name} (random weights, seed {seed})",
        bos="never" if checkpoint.bos is None else "always",
    )
