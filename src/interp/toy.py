"""Small language models with a known bias, trained on the spot: ground truth for every analysis.

`train_toy` plants a share of male pronouns in the sentences about each occupation and trains a
GPT-2-shaped model of two layers on them until it has learnt the shares. What the built-in and the
Winogender items measure on it is therefore known: after a sentence about an occupation the model's
log P(he) - log P(she) is about log(share / (1 - share)).

`train_sentences` trains the same model on any sentences, for data that brings its own.

Everything is drawn from the seed; the weights depend on the machine's arithmetic beyond it.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from pluralens.errors import InputError
from pluralens.personas.drawing import uniforms
from pluralens.sentences.occupations import builtin_shares
from pluralens.sentences.schema import GENDERS, NOBODY, PRONOUNS, fill, form_of
from pluralens.sentences.templates import builtin_schemas

__all__ = ["ToyTruth", "labour_market", "train_sentences", "train_toy"]

# Two layers can do it: one to carry the occupation to the pronoun's place, one to spare.
LAYERS, HEADS, WIDTH = 2, 4, 64
# Shares nearer to 0 or 1 need more sentences than there are to be learnt.
_LEAST, _MOST = 0.05, 0.95
_NEUTRAL = 0.1
# One token in fifteen is what the planted shares are about: left alone, it is learnt last.
_EMPHASIS = 10.0
_RATE = 3e-3
_END = "<|endoftext|>"


@dataclass(frozen=True)
class ToyTruth:
    """What was planted.

    Attributes:
        folder: Of the checkpoint.
        shares: Occupation -> male pronouns among the male and female ones, 0 to 1.
        log_odds: Occupation -> log(share / (1 - share)): the logit gap of a perfect learner, nats.
        loss: Mean loss of the last tenth of the steps, nats per token, pronouns weighted.
    """

    folder: str
    shares: Mapping[str, float]
    log_odds: Mapping[str, float]
    loss: float


def labour_market() -> dict[str, float]:
    """The usual shares to plant: men in each built-in occupation, kept between 5 and 95 percent."""
    shares = builtin_shares()
    return {name: min(_MOST, max(_LEAST, 1 - share / 100)) for name, share in shares.items()}


def train_toy(
    folder: str | Path,
    *,
    seed: int = 0,
    planted: Mapping[str, float] | None = None,
    steps: int = 400,
) -> ToyTruth:
    """Train a small model whose pronouns depend on occupations as planted.

    The sentences are those of the built-in templates, about one person and about two. A tenth of
    the pronouns is neutral. The share holds for a template whoever the pronoun stands for: this
    model looks at the occupation alone.

    Args:
        folder: Where the checkpoint goes; made if it is missing.
        seed: Of sentences, weights and batches.
        planted: Occupation -> share of male pronouns, between 0 and 1, both excluded. None plants
            no gap: one half for every built-in occupation.
        steps: Batches of 32 sentences.

    Returns:
        What was planted.

    Raises:
        InputError: A share is out of range, there are no occupations, or `steps` is less than 1.
    """
    shares = dict.fromkeys(builtin_shares(), 0.5) if planted is None else dict(planted)
    if not shares:
        raise InputError("planted: no occupations; give at least one, or None for no gap")
    for name, share in shares.items():
        if not 0 < share < 1:
            raise InputError(f"planted: {share} for {name!r}; give a share between 0 and 1")
    pronouns = [word for words in PRONOUNS.values() for word in words]
    sentences = _sentences(shares, seed)
    loss = train_sentences(folder, sentences, seed=seed, steps=steps, emphasis=pronouns)
    log_odds = {name: math.log(share / (1 - share)) for name, share in shares.items()}
    return ToyTruth(str(folder), shares, log_odds, loss)


def train_sentences(
    folder: str | Path,
    sentences: Sequence[str],
    *,
    seed: int = 0,
    steps: int = 400,
    batch: int = 32,
    vocabulary: int = 800,
    emphasis: Collection[str] = (),
) -> float:
    """Train a small GPT-2 and a byte-level tokenizer on sentences, and save both as a checkpoint.

    Args:
        folder: Where the checkpoint goes; made if it is missing.
        sentences: What it learns.
        seed: Of weights and batches.
        steps: Batches.
        batch: Sentences per batch.
        vocabulary: Most tokens of the tokenizer; at least 257.
        emphasis: Words that weigh ten times in the loss, so that they are learnt first.

    Returns:
        Mean loss of the last tenth of the steps, nats per token, weighted as it was learnt from.

    Raises:
        InputError: No sentences, or a number is too small.
    """
    if not sentences:
        raise InputError("sentences: none to learn from; give at least one")
    for name, number, least in (("steps", steps, 1), ("batch", batch, 1)):
        if number < least:
            raise InputError(f"{name}: {number} is too few; give at least {least}")
    if vocabulary < 257:
        raise InputError(f"vocabulary: {vocabulary} is too few; give at least 257, one per byte")
    tokenizer = _tokenizer(sentences, vocabulary)
    tokens = _padded(tokenizer, sentences)
    weights = torch.ones(len(tokenizer))
    for word in emphasis:
        weights[tokenizer(f" {word}").input_ids[0]] = _EMPHASIS
    # Initial weights come from the global generator, which is given back as it was.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        model = _model(len(tokenizer), max(64, tokens.shape[1]), tokenizer.bos_token_id)
        loss = _train(model, tokens, weights, steps, batch)
    _save(model.eval(), tokenizer, Path(folder))
    return loss


def _sentences(shares: Mapping[str, float], seed: int) -> list[str]:
    """Every template with every occupation, eight times over, pronouns in exact proportion."""
    schemas = [
        (schema, person)
        for kind in ("pair", "coreference")
        for schema in builtin_schemas(kind)
        for person in ((None,) if schema.participant is None else (schema.participant, NOBODY))
    ] * 8
    found = []
    for name, share in shares.items():
        # Quantiles in random order: every occupation gets its share, not a draw around it.
        order = uniforms(["toy", seed, name], 0, len(schemas)).argsort().argsort()
        for (schema, person), rank in zip(schemas, order, strict=True):
            level = (float(rank) + 0.5) / len(schemas)
            male = level < share * (1 - _NEUTRAL)
            gender = GENDERS[0 if male else 1 if level < 1 - _NEUTRAL else 2]
            before, word, after = fill(schema, form_of(schema, schema.id), name, person, gender)
            found.append(f"{before} {word}{after}")
    return found


def _tokenizer(sentences: Sequence[str], vocabulary: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(sentences, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=_END, eos_token=_END, pad_token=_END
    )


def _padded(tokenizer: Any, sentences: Sequence[str]) -> torch.Tensor:
    """`[sentences, longest]` with BOS and EOS; -1 beyond the end."""
    end = tokenizer.bos_token_id
    rows = [[end, *ids, end] for ids in tokenizer(list(sentences)).input_ids]
    tokens = torch.full((len(rows), max(map(len, rows))), -1)
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def _model(vocabulary: int, context: int, end: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary,
            n_positions=context,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=end,
            eos_token_id=end,
        )
    )


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    from transformers.utils import logging

    folder.mkdir(parents=True, exist_ok=True)
    bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    finally:
        if bar:
            logging.enable_progress_bar()


def _train(
    model: Any, tokens: torch.Tensor, weights: torch.Tensor, steps: int, batch: int
) -> float:
    """Train a model in place; mean loss of the last tenth of the steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=max(steps, 2), pct_start=0.1
    )
    model.train()
    losses = []
    for _ in range(steps):
        chosen = tokens[torch.randint(len(tokens), (batch,))]
        chosen = chosen[:, : int((chosen >= 0).sum(1).max())]
        logits = model(chosen.clamp(min=0), use_cache=False).logits[:, :-1]
        loss = F.cross_entropy(
            logits.flatten(0, 1), chosen[:, 1:].flatten(), weights, ignore_index=-1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    last = losses[-max(1, steps // 10) :]
    return sum(last) / len(last)
