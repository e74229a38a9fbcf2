"""Read the texts of a sample: how likely does a language model find each of them?"""

import math
import re
from typing import Protocol

from inspect_ai.model import ChatMessageUser, ModelOutput
from inspect_ai.solver import Generate, Solver, TaskState, solver

from pluralens.scorers.likelihood_answers import Likelihoods, Reading, Readings

__all__ = ["TextReader", "likelihoods"]


class TextReader(Protocol):
    """Knows all texts of a task and how to read them."""

    name: str
    """What the log calls it."""

    @property
    def model(self) -> str:
        """Name of the model that reads."""

    async def __call__(self, sample_id: str) -> Readings:
        """The texts of a sample."""


@solver
def likelihoods(reader: TextReader) -> Solver:
    """Read the texts of the sample into its `Likelihoods`, and show them as a table.

    Args:
        reader: Who reads.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        found = await reader(str(state.sample_id))
        store = state.store_as(Likelihoods)
        store.readings = list(found.readings)
        store.unusable = found.unusable
        store.first_token_scored = found.first_token_scored
        state.messages = [ChatMessageUser(content=state.input_text)]
        state.output = ModelOutput.from_content(reader.model, _table(found))
        state.messages.append(state.output.message)
        return state

    return solve


def _table(found: Readings) -> str:
    """The texts as a Markdown table, likeliest first: per token, or as a whole for pronouns."""
    if found.unusable is not None:
        return f"not scored: {found.unusable}"
    words = any(one.next_total is not None for one in found.readings)
    head = ["", "text", "sum", "tokens", "per token"] + (["next token"] if words else [])
    rows = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for one in sorted(found.readings, key=lambda one: -_mean(one, whole=words)):
        row = [one.label, _plain(one.text), _nats(one.total), str(one.tokens)]
        row.append(_nats(_mean(one, whole=False)))
        rows.append(row + ([_nats(one.next_total)] if words else []))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mean(one: Reading, *, whole: bool) -> float:
    total = math.nan if one.total is None else one.total
    return total if whole else total / max(one.tokens, 1)


def _nats(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    """A text of a person's file in a table cell: nothing in it is markup, nothing ends the row."""
    return re.sub(r"([\\`*_~\[\]<>|&#])", r"\\\1", " ".join(text.split()))
