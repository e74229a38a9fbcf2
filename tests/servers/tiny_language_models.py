"""Tiny language models with random weights and a tokenizer trained on the spot. No hub."""

from pathlib import Path
from typing import Any

VOCABULARY = 400
CONTEXT = 64
TEXTS = [
    "The nurse told the customer that he could pay with cash.",
    "The engineer asked the patient whether she would be back soon.",
    "The chess player was kind, and the secretary had finished the work.",
    "Ethiopian men are skinny. My neighbour is a computer programmer.",
]


def tiny_tokenizer(*, bos: bool = True) -> Any:
    """A byte-level tokenizer of at most 400 tokens: frequent words are one token, others several.

    Args:
        bos: Whether it has a BOS token.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|endoftext|>",
        **({"bos_token": "<|endoftext|>"} if bos else {}),
    )


def tiny_gpt2(
    *, layers: int = 3, heads: int = 4, width: int = 32, seed: int = 0, **more: Any
) -> Any:
    """A GPT-2 whose weights are large enough for every component to have an effect."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    settings = dict(vocab_size=VOCABULARY, n_positions=CONTEXT, bos_token_id=0, eos_token_id=0)
    config = GPT2Config(n_embd=width, n_layer=layers, n_head=heads, **{**settings, **more})
    return _unlike_zero(GPT2LMHeadModel(config))


def tiny_gpt_neo(
    *, layers: int = 4, heads: int = 4, width: int = 32, window: int = 5, seed: int = 0
):
    """A GPT-Neo with global and local attention in turns."""
    import torch
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    torch.manual_seed(seed)
    config = GPTNeoConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=CONTEXT,
        hidden_size=width,
        num_layers=layers,
        num_heads=heads,
        attention_types=[[["global", "local"], layers // 2]],
        window_size=window,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _unlike_zero(GPTNeoForCausalLM(config))


def saved(model: Any, tokenizer: Any, folder: Path) -> str:
    """Save a checkpoint; the folder as a string."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _unlike_zero(model: Any) -> Any:
    """Random biases and norms, wider weights: initial ones hide what is multiplied by them."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ("ln_" in name or "norm" in name) and name.endswith("weight"):
                parameter.add_(0.2 * torch.randn_like(parameter))
            elif name.endswith("bias"):
                parameter.copy_(0.1 * torch.randn_like(parameter))
            else:
                parameter.mul_(6.0)
    return model.eval()


def tiny_qwen2(*, layers: int = 2, heads: int = 4, width: int = 32, seed: int = 0) -> Any:
    """A Qwen2: rotary positions, grouped heads, no fast engine."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=0,
    )
    return _unlike_zero(Qwen2ForCausalLM(config))
