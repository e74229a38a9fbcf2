"""Log-likelihoods from a checkpoint in this process: one batched pass for all samples of a task."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import anyio
import anyio.from_thread
import anyio.to_thread
from inspect_ai.util import concurrency

from pluralens.errors import InputError
from pluralens.scorers.likelihood_answers import Reading, Readings
from pluralens.solvers.text_groups import TextGroup

if TYPE_CHECKING:
    from pluralens.interp.checkpoint import Checkpoint
    from pluralens.interp.likelihood import Progress
    from pluralens.sentences.items import BiasItem

__all__ = ["LocalReader", "local_readings"]

Tokens = tuple[int, ...]
NOTHING_BEFORE = "empty prefix and no BOS: the texts differ in the first token, which has no left "
NOTHING_BEFORE += "context"


class LocalReader:
    """Reads all texts at once when the first sample asks; the others find theirs.

    What was read belongs to this object, and so to one task; the checkpoint is let go as soon as
    all is read.

    Args:
        name: What the log calls it.
        checkpoint: The model.
        groups: All texts of the task, by sample.
        rows: Tokens computed at once.
    """

    def __init__(
        self,
        name: str,
        checkpoint: "Checkpoint",
        groups: Mapping[str, TextGroup],
        rows: int | Literal["auto"] = "auto",
    ) -> None:
        self.name = name
        self.model = checkpoint.name
        self.passes = 0
        self._checkpoint: Checkpoint | None = checkpoint
        self._groups = groups
        self._rows = rows
        self._found: dict[str, Readings] | None = None
        self._refused: InputError | None = None

    async def __call__(self, sample_id: str) -> Readings:
        """The texts of a sample.

        Raises:
            InputError: They do not fit into memory.
        """
        if self._found is None:
            async with concurrency("gpu", 1):
                if self._found is None:
                    await self._read()
        assert self._found is not None
        return self._found[sample_id]

    async def _read(self) -> None:
        # What one sample cannot have, such as enough memory, none of them can.
        if self._refused is not None:
            raise self._refused
        assert self._checkpoint is not None
        checkpoint, groups = self._checkpoint, list(self._groups.values())
        self.passes += 1

        def stop_if_cancelled(done: int, total: int) -> None:
            anyio.from_thread.check_cancelled()

        def read() -> dict[str, Readings]:
            return local_readings(checkpoint, groups, self._rows, stop_if_cancelled)

        try:
            self._found = await anyio.to_thread.run_sync(read)
        except InputError as error:
            self._refused = error
            raise
        self._checkpoint = None


class _Asked(NamedTuple):
    """The token sequences of one group: whole texts, then words after their prefix."""

    texts: tuple[Tokens, ...]
    words: tuple[Tokens, ...] = ()
    prefix: int = 0


def local_readings(
    checkpoint: "Checkpoint",
    groups: Sequence[TextGroup],
    rows: int | Literal["auto"] = "auto",
    progress: "Progress | None" = None,
) -> dict[str, Readings]:
    """Read texts, all of them in one pass.

    Args:
        checkpoint: The model.
        groups: The texts.
        rows: Tokens computed at once.
        progress: Told `(done, total)` tokens after every batch; what it raises ends the pass.

    Returns:
        Readings by id of the group.

    Raises:
        InputError: Not enough memory.
    """
    from pluralens.interp.likelihood import sequence_log_probs

    asked = dict(_asked(checkpoint, groups))
    sequences: list[Tokens] = []
    starts: list[int] = []
    for one in asked.values():
        if isinstance(one, _Asked):
            sequences += [*one.texts, *one.words]
            starts += [1] * len(one.texts) + [one.prefix] * len(one.words)
    logs = iter(
        sequence_log_probs(checkpoint, sequences, starts, rows=rows, progress=progress).tolist()
    )
    return {group.id: _readings(group, asked[group.id], logs, checkpoint) for group in groups}


def _asked(
    checkpoint: "Checkpoint", groups: Sequence[TextGroup]
) -> Iterator[tuple[str, _Asked | str]]:
    """Per group its sequences, or why it has none."""
    from pluralens.interp.tokens import tokenise, tokenise_sentences

    whole = tokenise_sentences([text for group in groups for text in group.texts], checkpoint)
    items = [_item(group) for group in groups if group.words]
    words = tokenise(items, checkpoint)
    by_id = {item.id: item for item in words.usable}
    place = 0
    for group in groups:
        places = range(place, place + len(group.texts))
        place = places.stop
        texts = tuple(tokens for i in places if (tokens := whole.tokens[i]) is not None)
        wrong = [i for i in places if i in whole.unusable]
        if wrong:
            yield group.id, f"{group.labels[wrong[0] - places.start]}: {whole.unusable[wrong[0]]}"
        elif checkpoint.bos is None and len({tokens[0] for tokens in texts}) > 1:
            yield group.id, NOTHING_BEFORE
        elif not group.words:
            yield group.id, _Asked(texts)
        elif group.id in words.unusable:
            yield group.id, f"next token: {words.unusable[group.id]}"
        else:
            item = by_id[group.id]
            if len(item.targets) < len(group.words):
                yield group.id, "next token: two of the words are the same tokens"
                continue
            found = tuple(item.prefix + target for target in item.targets)
            yield group.id, _Asked(texts, found, len(item.prefix))


def _item(group: TextGroup) -> "BiasItem":
    from pluralens.sentences.items import BiasItem

    first, *others = group.words
    return BiasItem(group.id, "", "", group.id, group.prefix, (first,), tuple(others), "")


def _readings(
    group: TextGroup, asked: _Asked | str, logs: Iterator[float], checkpoint: "Checkpoint"
) -> Readings:
    scored = checkpoint.bos is not None
    if isinstance(asked, str):
        return Readings(group.unread(), asked, scored)
    found: list[dict[str, Any]] = [
        {"total": next(logs), "tokens": len(tokens) - 1} for tokens in asked.texts
    ]
    for one, tokens in zip(found, asked.words, strict=False):
        one["next_total"], one["next_tokens"] = next(logs), len(tokens) - asked.prefix
    pairs = zip(group.unread(), found, strict=True)
    return Readings(tuple(Reading(**{**a.model_dump(), **b}) for a, b in pairs), None, scored)
