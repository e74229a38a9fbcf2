"""The residual stream of many texts at every layer, at three places of each.

Layer 0 is the sum of the embeddings, layer L the output of block L, before the final norm. Places:
`last`, the last token; `target`, the last token of a stretch of the text (an occupation, the word
that two texts differ in); `mean`, the mean over all tokens but BOS, whose activations can be a
hundred times the usual size.

GPT-2 and GPT-Neo go through the fast engine, where texts that begin alike share their beginning.
All others run through the model itself, padded on the right with an attention mask.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.architectures import has_fast_engine, network
from pluralens.interp.blocks import blocks_of
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.engine import forward
from pluralens.interp.memory import Rows, fits_in_memory, rows_at_once
from pluralens.interp.packing import groups, pack
from pluralens.interp.tokens import Tokens

__all__ = ["PLACES", "Place", "Residuals", "TextTokens", "residual_stream", "text_tokens"]

Place = Literal["last", "mean", "target"]
PLACES: tuple[Place, ...] = ("last", "mean", "target")

_PADDED_ROWS = 1024


class Text(Protocol):
    """What is read of a text; `pluralens.interp.probe_texts.ProbeText` has it all."""

    @property
    def id(self) -> str:
        """Unique."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def target_end(self) -> int:
        """Where the target ends, in characters."""


@dataclass(frozen=True)
class TextTokens:
    """Texts as token ids.

    Attributes:
        tokens: Per usable text, BOS by policy included.
        target: Place of the target's last token in each.
        usable: Index among the texts given.
        unusable: Reason by id.
        bos: Whether the first token is BOS.
    """

    tokens: tuple[Tokens, ...]
    target: tuple[int, ...]
    usable: tuple[int, ...]
    unusable: dict[str, str]
    bos: bool


@dataclass(frozen=True)
class Residuals:
    """Residual stream of n texts.

    Attributes:
        values: By place, `[layers + 1, n, d]`, float32.
        engine: `fast` or `model`.
    """

    values: dict[Place, NDArray[np.float32]]
    engine: str


def text_tokens(texts: Sequence[Text], checkpoint: Checkpoint) -> TextTokens:
    """Tokenise texts and find the last token of each target.

    Args:
        texts: The texts.
        checkpoint: Whose tokenizer, BOS policy and context count.

    Returns:
        Usable texts, and the reasons for the others.
    """
    start: Tokens = () if checkpoint.bos is None else (checkpoint.bos,)
    tokens: list[Tokens] = []
    target: list[int] = []
    usable: list[int] = []
    unusable: dict[str, str] = {}

    def encode(text: str) -> Tokens:
        return tuple(checkpoint.tokenizer(text, add_special_tokens=False).input_ids)

    for index, text in enumerate(texts):
        whole, left = encode(text.text), encode(text.text[: text.target_end])
        length = len(start) + len(whole)
        if not whole or not left:
            unusable[text.id] = "no token up to the end of the target"
        elif checkpoint.context is not None and length > checkpoint.context:
            unusable[text.id] = f"{length} tokens, but the model reads {checkpoint.context}"
        else:
            same = 0
            while same < min(len(left), len(whole)) and left[same] == whole[same]:
                same += 1
            # A token that reaches beyond the target's end is cut differently; it holds the end.
            tokens.append(start + whole)
            target.append(len(start) + min(len(left) - 1, same, len(whole) - 1))
            usable.append(index)
    return TextTokens(tuple(tokens), tuple(target), tuple(usable), unusable, bool(start))


def residual_stream(
    checkpoint: Checkpoint,
    texts: TextTokens,
    *,
    places: Sequence[Place] = PLACES,
    rows: Rows = "auto",
) -> Residuals:
    """Read the residual stream of texts.

    Memory: the result, and the activations of `rows` tokens at all layers.

    Args:
        checkpoint: The checkpoint.
        texts: The texts.
        places: Where to read.
        rows: Tokens computed at once.

    Returns:
        Layers, places and texts in the order given.

    Raises:
        InputError: No texts, an unknown place, not enough memory, or a model whose blocks cannot be
            found.
    """
    if not texts.tokens:
        raise InputError("probe: no usable texts; see the reasons, or give other data")
    for place in places:
        if place not in PLACES:
            raise InputError(f"position: no {place!r}; give some of {', '.join(PLACES)}")
    with checkpoint.lock, torch.no_grad():
        if has_fast_engine(checkpoint):
            return Residuals(_from_engine(checkpoint, texts, places, rows), "fast")
        return Residuals(_from_model(checkpoint, texts, places, rows), "model")


def _from_engine(
    checkpoint: Checkpoint, texts: TextTokens, places: Sequence[Place], rows: Rows
) -> dict[Place, NDArray[np.float32]]:
    net = network(checkpoint)
    at_once = rows_at_once(net, rows)
    found = _empty(places, net.layers + 1, len(texts.tokens), net.width)
    with fits_in_memory(at_once):
        for members in groups([[one] for one in texts.tokens], at_once):
            packed = pack([texts.tokens[i] for i in members], device=net.device)
            readers = _readers(packed.paths, [texts.target[i] for i in members], int(texts.bos))
            run = forward(net, packed, keep=("resid_pre", "resid_post"))
            for layer, stream in enumerate([run.resid_pre[0], *run.resid_post]):
                for place, array in found.items():
                    array[layer, members] = readers[place](stream[0].float()).cpu().numpy()
    return found


def _readers(
    paths: Sequence[Sequence[int]], target: Sequence[int], skip: int
) -> dict[Place, Callable[[Tensor], Tensor]]:
    """How to get from nodes `[n, d]` to texts `[texts, d]`; means leave out `skip` nodes."""
    ends = torch.tensor([path[-1] for path in paths])
    targets = torch.tensor([path[place] for path, place in zip(paths, target, strict=True)])
    counts = torch.tensor([len(path) - skip for path in paths])
    rows = torch.arange(len(paths)).repeat_interleave(counts)
    nodes = torch.tensor([node for path in paths for node in path[skip:]])

    def mean(x: Tensor) -> Tensor:
        sums = x.new_zeros(len(paths), x.shape[1])
        sums.index_add_(0, rows.to(x.device), x[nodes.to(x.device)])
        return sums / counts.to(x.device)[:, None]

    return {
        "last": lambda x: x[ends.to(x.device)],
        "target": lambda x: x[targets.to(x.device)],
        "mean": mean,
    }


def _from_model(
    checkpoint: Checkpoint, texts: TextTokens, places: Sequence[Place], rows: Rows
) -> dict[Place, NDArray[np.float32]]:
    model = checkpoint.model
    at_once = _PADDED_ROWS if rows == "auto" else rows
    if at_once < 1:
        raise InputError(f"rows: {rows} is too few; give at least 1, or auto")
    found: dict[Place, NDArray[np.float32]] = {}
    body = model.base_model
    with fits_in_memory(at_once), _streams(checkpoint) as streams:
        for members in _batches(texts.tokens, at_once):
            tokens, mask = _padded([texts.tokens[i] for i in members], checkpoint.device)
            streams.clear()
            body(tokens, attention_mask=mask, use_cache=False)
            if not found:
                found = _empty(places, len(streams), len(texts.tokens), streams[0].shape[-1])
            lengths = mask.sum(1)
            counted = mask.float()
            counted[:, : int(texts.bos)] = 0
            row = torch.arange(len(members), device=tokens.device)
            target = torch.tensor([texts.target[i] for i in members], device=tokens.device)
            for layer, stream in enumerate(streams):
                x = stream.float()
                for place, array in found.items():
                    if place == "mean":
                        taken = torch.einsum("btd,bt->bd", x, counted / counted.sum(1)[:, None])
                    else:
                        taken = x[row, lengths - 1 if place == "last" else target]
                    array[layer, members] = taken.cpu().numpy()
    return found


@contextmanager
def _streams(checkpoint: Checkpoint) -> Iterator[list[Tensor]]:
    """Collect what enters the first block and what leaves each, while the model runs."""
    blocks = blocks_of(checkpoint)
    kept: list[Tensor] = []

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        kept.append(args[0] if args else kwargs["hidden_states"])

    def after(module: Any, args: Any, output: Any) -> None:
        kept.append(output[0] if isinstance(output, tuple) else output)

    handles = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    handles += [block.register_forward_hook(after) for block in blocks]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def _batches(sequences: Sequence[Tokens], rows: int) -> Iterator[list[int]]:
    """Texts of about the same length, at most `rows` tokens with their padding."""
    batch: list[int] = []
    for index in sorted(range(len(sequences)), key=lambda i: -len(sequences[i])):
        if batch and (len(batch) + 1) * len(sequences[batch[0]]) > rows:
            yield batch
            batch = []
        batch.append(index)
    yield batch


def _padded(sequences: Sequence[Tokens], device: str) -> tuple[Tensor, Tensor]:
    """Token ids and mask, `[texts, longest]`, filled up on the right."""
    longest = max(map(len, sequences))
    tokens = torch.tensor([[*s, *[0] * (longest - len(s))] for s in sequences], device=device)
    lengths = torch.tensor([len(s) for s in sequences], device=device)
    return tokens, (torch.arange(longest, device=device) < lengths[:, None]).long()


def _empty(
    places: Sequence[Place], layers: int, n: int, width: int
) -> dict[Place, NDArray[np.float32]]:
    return {place: np.full((layers, n, width), np.nan, np.float32) for place in places}
