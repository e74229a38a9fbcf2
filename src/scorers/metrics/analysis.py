"""Metric of the mechanistic tasks: every number of every sample."""

import math

from inspect_ai.scorer import Metric, SampleScore, Value, metric

__all__ = ["analysis_numbers"]


@metric
def analysis_numbers() -> Metric:
    """The numbers of the samples; with several samples, each with the sample's id."""

    def compute(scores: list[SampleScore]) -> Value:
        found = sorted(
            (str(one.sample_id), one.score.value)
            for one in scores
            if isinstance(one.score.value, dict)
        )
        return {
            # No square brackets: inspect's display takes them for markup.
            (name if len(found) == 1 else f"{name}({sample})"): (
                math.nan if number is None else float(number)
            )
            for sample, value in found
            for name, number in value.items()
        } or {"bias": math.nan}

    return compute
