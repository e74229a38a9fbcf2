"""What enriching a persona leaves behind: the typed store that solver and scorer share."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inspect_ai.util import StoreModel
from pydantic import Field

__all__ = ["EnrichedPersona", "EnrichmentOutcome"]

EnrichmentOutcome = Literal["enriched", "kept", "failed"]


class EnrichedPersona(StoreModel):
    """The texts of one persona, or why there are none.

    Attributes:
        run: The enrichment run as the store knows it: name, selection, enricher, model, language
            and parameters.
        outcome: `enriched` now, `kept` because the run had texts before, `failed`; None before.
        texts: Key -> text; empty after a failure.
        reason: Why it failed, in words.
        kind: Why it failed, one of the parser's reasons.
        replies: What the model wrote: nothing, one reply, or two if the first was invalid.
        stops: inspect's stop reason of each reply.
        recorded: Whether these texts are the store's; False if another process was faster.
    """

    run: Mapping[str, Any] = Field(default_factory=dict)
    outcome: EnrichmentOutcome | None = None
    texts: Mapping[str, str] = Field(default_factory=dict)
    reason: str = ""
    kind: str = ""
    replies: Sequence[str] = Field(default_factory=list)
    stops: Sequence[str] = Field(default_factory=list)
    recorded: bool = False
