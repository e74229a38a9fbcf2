"""Scorer of the mechanistic tasks: the analysis's numbers, and where its arrays are."""

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from pluralens.scorers.analysis_results import AnalysisResults
from pluralens.scorers.metrics.analysis import analysis_numbers

__all__ = ["analysis"]


@scorer(metrics=[analysis_numbers()])
def analysis() -> Scorer:
    """Score an analysis by its own numbers; computes nothing."""

    async def score(state: TaskState, target: Target) -> Score:
        results = state.store_as(AnalysisResults)
        numbers = results.numbers
        if not numbers:
            return Score.unscored(
                reason="no_response", explanation="the sample was ended before its analysis was"
            )
        sidecar = results.sidecar
        return Score(
            value=dict(numbers),
            answer=results.top[0]["component"] if results.top else None,
            explanation=results.summary,
            metadata={
                "sidecar": None if sidecar is None else sidecar.model_dump(),
                "cache": results.cache,
                "exported": results.exported,
            },
        )

    return score
