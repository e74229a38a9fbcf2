"""Scorer of an enriched persona: what came of it as one flat dict of counts."""

from inspect_ai.log import transcript
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from inspect_ai.util import store_from_events_as

from pluralens.scorers.enrichment_answers import EnrichedPersona
from pluralens.scorers.enrichment_parsing import LIMITS
from pluralens.scorers.metrics.enrichment import enrichment_coverage

__all__ = ["count_outcome", "enrichment", "shown_texts"]


def shown_texts(persona: EnrichedPersona) -> str:
    """The texts for people, one per line, in the order of their keys."""
    texts = persona.texts  # Every access to a typed store validates anew.
    return "\n".join(f"{key}: {texts[key]}" for key in LIMITS if key in texts)


def count_outcome(persona: EnrichedPersona) -> dict[str, float]:
    """The flat dict of `Score.value`, each 0 or 1.

    Args:
        persona: What the solver left behind.

    Returns:
        `asked` (now, of the model or of the lists), `enriched`, `failed`, `kept` (had texts
        before), `reasked` (the first reply was invalid) and `superseded` (another process had
        recorded texts of its own in the meantime; the store keeps those).

    Raises:
        RuntimeError: The counts contradict each other, or texts and outcome do.
    """
    outcome, texts = persona.outcome, persona.texts
    value = {
        "asked": float(outcome != "kept"),
        "enriched": float(outcome == "enriched"),
        "failed": float(outcome == "failed"),
        "kept": float(outcome == "kept"),
        "reasked": float(len(persona.replies) > 1),
        "superseded": float(outcome == "enriched" and not persona.recorded),
    }
    sound = value["enriched"] + value["failed"] == value["asked"]
    if not sound or bool(texts) == (outcome == "failed"):
        raise RuntimeError(
            f"a persona with the outcome {outcome!r} and {len(texts)} texts cannot be counted; "
            "enriched + failed = asked must hold"
        )
    return value


@scorer(metrics=[enrichment_coverage()])
def enrichment() -> Scorer:
    """Count what the solver stored for one persona; makes no calls."""

    async def score(state: TaskState, target: Target) -> Score:
        persona = state.store_as(EnrichedPersona)
        if persona.outcome is None:
            # A sample that inspect salvaged after its process was killed has lost its store; what
            # was stored is in its transcript.
            persona = store_from_events_as(list(transcript().events), EnrichedPersona)
        if persona.outcome is None:
            return Score.unscored(
                reason="no_response", explanation="the sample was ended before its persona was done"
            )
        why = f": {persona.reason}" if persona.outcome == "failed" else ""
        return Score(
            value=dict(count_outcome(persona)),
            answer=shown_texts(persona) or None,
            explanation=f"{persona.outcome}{why}",
            metadata={"failed": persona.kind} if persona.outcome == "failed" else {},
        )

    return score
