"""Metrics of the enrichment task: how many personas have texts, and why others have none."""

import math
from collections import Counter

from inspect_ai.scorer import Metric, SampleScore, Value, metric

__all__ = ["enrichment_coverage"]

COUNTS = ("asked", "enriched", "failed", "kept", "reasked", "superseded")


# Epochs are attempts too: the reduced scores would hold their mean.
@metric(scores="unreduced")
def enrichment_coverage() -> Metric:
    """Counts of personas and outcomes, and the shares of those asked.

    `enriched + failed = asked`, and `asked + kept = personas`. Rates are NaN when nobody was asked.
    """

    def compute(scores: list[SampleScore]) -> Value:
        kept = [s for s in scores if isinstance(s.score.value, dict)]
        total = dict.fromkeys(COUNTS, 0.0)
        reasons = Counter[str]()
        for sample in kept:
            value = sample.score.value
            assert isinstance(value, dict)
            for name in COUNTS:
                total[name] += float(value[name] or 0)
            if value["failed"]:
                reasons[str((sample.score.metadata or {}).get("failed", "unknown"))] += 1
        asked = total["asked"]
        found: dict[str, str | int | float | bool | None] = {"personas": float(len(kept)), **total}
        for name in ("enriched", "failed", "reasked"):
            found[f"{name}_rate"] = total[name] / asked if asked else math.nan
        for reason, count in sorted(reasons.items()):
            found[f"failed: {reason}"] = float(count)
        return found

    return compute
