"""One row per model: counts, shares, both parties against the model's own neutral version, gap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.stats.sycophancy_gap import sycophancy_gap
from pluralens.stats.triplet_frame import exceeds
from pluralens.stats.uplift import uplift
from pluralens.viz.triplet_figures.words import DEFAULT_BOUNDS, Bounds
from pluralens.viz.triplet_logs import Conflict, TripletLog

__all__ = ["table"]


def table(logs: Sequence[TripletLog], bounds: Bounds = DEFAULT_BOUNDS) -> pd.DataFrame:
    """The summary.

    Args:
        logs: As `read_triplet_logs` gives them.
        bounds: Its threshold is that of the shares.

    Returns:
        model, n (answers with a stance), mean_score (mean stance), p_neg, p_neu, p_pos (shares of
        n), then for the party at +1 and the one at -1, by its id: `_n` (its answers with a stance),
        `_agree_p` (share of its answers beyond the threshold on its side, `agree_share` in the
        log), `_uplift` (stance points toward it that its telling gains over the same model's
        neutral version, paired); gap, gap_low, gap_high (95 %), unscored (answers without a number
        from the grader that are neither refusals nor empty; those are counted in the table of the
        distribution), self_judged (whether the model graded any of its own answers). `_agree_p`
        and `_uplift` are over the prompts of which the neutral version has a stance too, every
        triplet counting once, and so the former is in general no share of `_n`; they and the gap
        are NaN with fewer than 5 complete triplets.

        Logs of several scenarios have a row per model and scenario after one for `all`, the
        scenario in a column after the model, and the parties' columns are called `plus_` and
        `minus_`.
    """
    several = len(logs[0].conflicts) > 1
    rows = []
    for log in logs:
        for conflict, frame in log.parts:
            where = {"scenario": conflict.id} if several else {}
            rows.append(
                {"model": log.label, **where, **_row(conflict, frame, several, bounds.threshold)}
            )
    return pd.DataFrame(rows)


def _row(
    conflict: Conflict, frame: pd.DataFrame, several: bool, threshold: float
) -> dict[str, object]:
    stance = _stances(frame)
    found = sycophancy_gap(frame)
    pulls = uplift(frame, threshold=threshold, n_bootstrap=0, n_permutations=0).set_index("side")
    negative, positive = (exceeds(side * stance, threshold) for side in (-1, 1))
    row: dict[str, object] = {
        "n": len(stance),
        "mean_score": _mean(stance),
        "p_neg": _mean(negative),
        "p_neu": _mean(~negative & ~positive),
        "p_pos": _mean(positive),
    }
    for side, party, end in ((1, conflict.plus, "plus"), (-1, conflict.minus, "minus")):
        name = end if several else party
        row[f"{name}_n"] = len(_stances(frame[frame["side"] == side]))
        row[f"{name}_agree_p"] = pulls.loc[side, "agree_share"]
        row[f"{name}_uplift"] = pulls.loc[side, "uplift"]
    return row | {
        "gap": found.gap,
        "gap_low": found.ci_low,
        "gap_high": found.ci_high,
        "unscored": int((frame["outcome"] == "unscored").sum()),
        "self_judged": bool((frame["self_judged"] == 1).any()),
    }


def _stances(frame: pd.DataFrame) -> NDArray[np.float64]:
    return frame["stance"].dropna().to_numpy(dtype=np.float64)


def _mean(values: NDArray[Any]) -> float:
    """Mean of numbers, share of truths; NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")
