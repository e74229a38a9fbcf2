"""Log-probabilities of sentences and of continuations, for any causal language model.

One primitive: log P(sequence[start:] | sequence[:start]), every token given what precedes it.
GPT-2 and GPT-Neo go through the fast engine, where sentences that begin alike share their
beginning; all others through the model's own forward pass, padded on the right with an attention
mask. Both give the same numbers (tests hold them to a loop over single sentences).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.interp.architectures import Network, has_fast_engine, network
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.engine import normalisers, resume
from pluralens.interp.memory import Rows, fits_in_memory, rows_at_once
from pluralens.interp.packing import groups, pack
from pluralens.interp.tokens import Sentences, TokenisedItems, TokenItem, Tokens

__all__ = [
    "SentenceScores",
    "TargetScores",
    "bias",
    "sequence_log_probs",
    "sentence_log_probs",
    "target_log_probs",
]

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]
"""`(done, total)` in tokens."""

# Logits of one padded batch: 128 MiB of float32.
_MOST_LOGITS = 2**25
_PADDED_ROWS = 1024


@dataclass(frozen=True)
class SentenceScores:
    """Log-likelihoods of whole sentences, natural logarithms.

    Attributes:
        total: Sum over the scored tokens, `[n]`; NaN where a sentence is unusable.
        mean: Mean per scored token, `[n]`; NaN likewise.
        tokens: Number of scored tokens, `[n]`: all but the first, which is BOS where there is one.
    """

    total: Floats
    mean: Floats
    tokens: NDArray[np.int64]


@dataclass(frozen=True)
class TargetScores:
    """log P(target | prefix) of every target, natural logarithms.

    Attributes:
        a: Per item, the targets of side A.
        b: Per item, those of side B.
    """

    a: tuple[Floats, ...]
    b: tuple[Floats, ...]

    @property
    def bias(self) -> Floats:
        """Log P(A) - log P(B) per item, P of a side being the sum over its targets, `[n]`."""
        sides = zip(self.a, self.b, strict=True)
        return np.array([np.logaddexp.reduce(a) - np.logaddexp.reduce(b) for a, b in sides])


def sentence_log_probs(
    checkpoint: Checkpoint,
    sentences: Sentences,
    *,
    rows: Rows = "auto",
    progress: Progress | None = None,
) -> SentenceScores:
    """Score whole sentences.

    Args:
        checkpoint: The model.
        sentences: From `tokens.tokenise_sentences`.
        rows: Tokens computed at once.
        progress: Told after every batch.

    Returns:
        One score per sentence, in order.

    Raises:
        InputError: Not enough memory, or rows out of range.
    """
    usable = [(place, tokens) for place, tokens in enumerate(sentences.tokens) if tokens]
    n = len(sentences.tokens)
    total, counts = np.full(n, np.nan), np.zeros(n, np.int64)
    if usable:
        places = [place for place, _ in usable]
        counts[places] = [len(tokens) - 1 for _, tokens in usable]
        total[places] = sequence_log_probs(
            checkpoint,
            [tokens for _, tokens in usable],
            [1] * len(usable),
            rows=rows,
            progress=progress,
        )
    # NaN over 1 where nothing is scored, so that no division warns.
    return SentenceScores(total=total, mean=total / np.maximum(counts, 1), tokens=counts)


def target_log_probs(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    *,
    rows: Rows = "auto",
    progress: Progress | None = None,
) -> TargetScores:
    """Score every target after its prefix: the next token, or all tokens of a longer target.

    Args:
        checkpoint: The model.
        items: Tokenised items.
        rows: Tokens computed at once.
        progress: Told after every batch.

    Returns:
        One score per target, in the order of the items.

    Raises:
        InputError: Not enough memory, or rows out of range.
    """
    used = items.usable if isinstance(items, TokenisedItems) else tuple(items)
    sequences = [item.prefix + target for item in used for target in item.targets]
    starts = [len(item.prefix) for item in used for _ in item.targets]
    scores = sequence_log_probs(checkpoint, sequences, starts, rows=rows, progress=progress)
    a, b, place = [], [], 0
    for item in used:
        middle, end = place + len(item.a), place + len(item.targets)
        a.append(scores[place:middle])
        b.append(scores[middle:end])
        place = end
    return TargetScores(a=tuple(a), b=tuple(b))


def bias(
    checkpoint: Checkpoint, items: TokenisedItems | Sequence[TokenItem], *, rows: Rows = "auto"
) -> Floats:
    """The bias metric of any causal language model; see `pluralens.interp.bias_metric`.

    Args:
        checkpoint: The model.
        items: Tokenised items.
        rows: Tokens computed at once.

    Returns:
        `[n]`, positive towards side A.

    Raises:
        InputError: Not enough memory, or rows out of range.
    """
    return target_log_probs(checkpoint, items, rows=rows).bias


def sequence_log_probs(
    checkpoint: Checkpoint,
    sequences: Sequence[Tokens],
    starts: Sequence[int],
    *,
    rows: Rows = "auto",
    fast: bool | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Log P(sequence[start:] | sequence[:start]) of many sequences.

    Args:
        checkpoint: The model.
        sequences: Token ids.
        starts: Place of the first scored token of each; at least 1, less than its length.
        rows: Tokens computed at once.
        fast: Whether to use the fast engine; None where there is one.
        progress: Told after every batch.

    Returns:
        `[n]`, summed in float64 over float32 log-probabilities.

    Raises:
        InputError: Not enough memory, or rows out of range.
        ValueError: A start is out of range.
    """
    if any(not 1 <= s < len(t) for s, t in zip(starts, sequences, strict=True)):
        raise ValueError("a start must leave one token before it and one after")
    if not sequences:
        return np.empty(0)
    fast = has_fast_engine(checkpoint) if fast is None else fast
    with checkpoint.lock, torch.no_grad():
        if fast:
            net = network(checkpoint)
            at_once = rows_at_once(net, rows)
            with fits_in_memory(at_once):
                return _packed(net, sequences, starts, at_once, progress)
        at_once = _padded_rows(checkpoint, rows)
        with fits_in_memory(at_once):
            return _padded(checkpoint, sequences, starts, at_once, progress)


def _packed(
    net: Network,
    sequences: Sequence[Tokens],
    starts: Sequence[int],
    rows: int,
    progress: Progress | None,
) -> Floats:
    found = np.empty(len(sequences))
    done, total = 0, sum(map(len, sequences))
    for members in groups([[sequence[:-1]] for sequence in sequences], rows):
        read = [sequences[i][:-1] for i in members]
        scored = [range(starts[i] - 1, len(sequences[i]) - 1) for i in members]
        packed = pack(read, scored=scored, device=net.device)
        final = resume(net, packed, net.embed(packed.tokens, packed.positions)[None], 0)[0]
        # Which prediction by which node; sentences that begin alike ask for the same ones.
        asked: dict[tuple[int, int], int] = {}
        edges = [
            [
                asked.setdefault((packed.scored_index[path[p]], sequences[i][p + 1]), len(asked))
                for p in places
            ]
            for i, path, places in zip(members, packed.paths, scored, strict=True)
        ]
        nodes, tokens = torch.tensor(list(asked), device=net.device).T
        logits = (final[nodes].float() * net.unembed[tokens].float()).sum(-1)
        if net.unembed_bias is not None:
            logits = logits + net.unembed_bias[tokens].float()
        logs = (logits - normalisers(net, final)[nodes]).cpu().double().numpy()
        for i, edge in zip(members, edges, strict=True):
            found[i] = logs[edge].sum()
        done += sum(len(sequences[i]) for i in members)
        if progress is not None:
            progress(done, total)
    return found


def _padded_rows(checkpoint: Checkpoint, asked: Rows) -> int:
    if asked != "auto":
        if asked < 1:
            raise InputError(f"rows: {asked} is too few; give at least 1, or auto")
        return asked
    vocabulary = int(checkpoint.model.get_input_embeddings().weight.shape[0])
    return max(1, min(_PADDED_ROWS, _MOST_LOGITS // vocabulary))


def _padded(
    checkpoint: Checkpoint,
    sequences: Sequence[Tokens],
    starts: Sequence[int],
    rows: int,
    progress: Progress | None,
) -> Floats:
    """Batches of about the same length, padded on the right.

    What stands on the right changes nothing on the left, and positions count from the first token
    as the model itself counts them. Padding on the left would shift them.
    """
    found = np.empty(len(sequences))
    done, total = 0, sum(map(len, sequences))
    for members in _alike(sequences, rows):
        longest = len(sequences[members[-1]])
        shape = (len(members), longest)
        tokens = torch.zeros(shape, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, i in enumerate(members):
            tokens[row, : len(sequences[i])] = torch.tensor(sequences[i])
            mask[row, : len(sequences[i])] = 1
        tokens, mask = tokens.to(checkpoint.device), mask.to(checkpoint.device)
        logits = checkpoint.model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        # One row at a time: all in float32 at once would double the memory.
        for row, i in enumerate(members):
            places = torch.arange(starts[i], len(sequences[i]), device=tokens.device)
            before = logits[row, places - 1].float()
            picked = before.gather(-1, tokens[row, places][:, None])[:, 0]
            logs = picked - before.logsumexp(-1)
            found[i] = logs.cpu().double().sum().item()
        done += sum(len(sequences[i]) for i in members)
        if progress is not None:
            progress(done, total)
    return found


def _alike(sequences: Sequence[Tokens], rows: int) -> list[list[int]]:
    """Sequences by length, cut so that a padded batch has at most so many rows."""
    batches: list[list[int]] = []
    for i in sorted(range(len(sequences)), key=lambda i: len(sequences[i])):
        if not batches or (len(batches[-1]) + 1) * len(sequences[i]) > rows:
            batches.append([])
        batches[-1].append(i)
    return batches
