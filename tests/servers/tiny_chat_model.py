"""A tiny Qwen2-shaped chat model, trained on the spot: real weights, tokenizer and chat template.

No hub, no download. It knows the answers it was shown and their form, and nothing else. Needs torch
and transformers, which are imported inside.
"""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

__all__ = ["train_tiny_chat_model"]

Prompt = tuple[list[dict[str, str]], str]
Example = tuple[list[int], list[int]]  # tokens, labels

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
VOCABULARY = 2048
CONTEXT = 1024
BATCH = 16
PEAK_LEARNING_RATE = 2e-3
IGNORED = -100  # label of tokens that do not count in the loss


def train_tiny_chat_model(
    folder: Path, prompts: list[tuple[list[dict[str, str]], str]], *, steps: int, seed: int
) -> None:
    """Train a model of at most 1.5 million parameters and save it as a Hugging Face folder.

    Only the answer counts in the loss. 120 steps take half a minute on one slow core and teach what
    one word of the prompt decides; 20 steps teach the form of the answer. The same arguments give
    the same model on the same machine and library versions.

    Args:
        folder: Where weights, tokenizer and configuration go; made if missing.
        prompts: Chat messages (`role`, `content`) and the answer to learn.
        steps: Optimizer steps, each over 16 prompts.
        seed: Of weights and batches.

    Raises:
        ValueError: No prompts, no steps, or a prompt longer than 1,024 tokens.
    """
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    if not prompts or steps < 1:
        raise ValueError("at least one prompt and one step are needed")
    tokenizer = _train_tokenizer(prompts)
    examples = [_encode(tokenizer, messages, answer) for messages, answer in prompts]
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        # Four times the usual width: from smaller weights, attention stays flat for hundreds of
        # steps and the model learns the form of the answer only.
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    with _one_thread():
        _train(model, examples, tokenizer.pad_token_id, steps, seed)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _train(
    model: "Qwen2ForCausalLM", examples: Sequence[Example], pad: int, steps: int, seed: int
) -> None:
    import torch

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, steps))
    for batch in _batches(examples, steps, seed):
        tokens, labels = _pad(batch, pad)
        # Padding is on the right and unlabelled, so causal attention needs no mask for it.
        loss = model(input_ids=tokens, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one core: at this size, threads that wait for each other on busy cores cost more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train_tokenizer(prompts: Sequence[Prompt]) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    # Digits stay single, so that a rating is one token.
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    texts = [text for messages, answer in prompts for text in (*_contents(messages), answer)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    bpe.train_from_iterator([*texts, "system\nuser\nassistant\n"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=CONTEXT,
        padding_side="left",
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _contents(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def _encode(
    tokenizer: "PreTrainedTokenizerFast", messages: list[dict[str, str]], answer: str
) -> Example:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    asked: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    said: list[int] = tokenizer(answer + "<|im_end|>", add_special_tokens=False).input_ids
    if len(asked) + len(said) > CONTEXT:
        raise ValueError(f"a prompt has {len(asked) + len(said)} tokens, more than {CONTEXT}")
    return asked + said, [IGNORED] * len(asked) + said


def _batches(examples: Sequence[Example], steps: int, seed: int) -> Iterator[list[Example]]:
    """Batches from shuffled passes over the examples."""
    order: list[int] = []
    generator = random.Random(seed)
    for _ in range(steps):
        while len(order) < BATCH:
            order += generator.sample(range(len(examples)), len(examples))
        yield [examples[place] for place in order[:BATCH]]
        order = order[BATCH:]


def _pad(batch: Sequence[Example], pad: int) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Tokens and labels, each [batch, position]."""
    import torch

    longest = max(len(tokens) for tokens, _ in batch)
    return (
        torch.tensor([tokens + [pad] * (longest - len(tokens)) for tokens, _ in batch]),
        torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in batch]),
    )


def _pace(step: int, steps: int) -> float:
    """Share of the peak learning rate: ten steps of warm-up, then a cosine down to 0.05."""
    if step < 10:
        return (step + 1) / 10
    return 0.05 + 0.475 * (1 + math.cos(math.pi * (step - 10) / max(1, steps - 10)))
