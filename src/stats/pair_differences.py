"""Differences within minimal pairs: what a changed attribute did to the ratings of one persona."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.errors import InputError
from pluralens.stats.persona_frame import outcome_matrix, require_columns

__all__ = ["PLACEBO", "pair_differences"]

# As pluralens.personas.counterfactuals has it; estimators import nothing of the personas.
PLACEBO = "placebo"
"""Role of a base persona asked a second time, and `attribute` of its pair."""

COLUMNS = ["pair_id", "base_id", "attribute", "from_value", "to_value"]
_ROLES = ("base", "counterfactual", PLACEBO)


def pair_differences(frame: pd.DataFrame, outcomes: Sequence[str]) -> pd.DataFrame:
    """Subtract each base's outcomes from those of its twins and placebos.

    difference = outcome of the twin - outcome of its base; NaN if either has none.

    Args:
        frame: One row per sample: `sample_id`, `role` (base, counterfactual, placebo), `base_id`
            (of a twin or placebo: its base's `sample_id`, or the `base_id` its base carries),
            `pair_id`, `attribute` (the changed one), `from_value`, `to_value`, and the outcomes.
        outcomes: Outcome columns, in scale points.

    Returns:
        One row per twin or placebo, in the frame's order: pair_id, base_id, attribute ("placebo"
        for placebos), from_value, to_value (text; empty for placebos), and the differences under
        the outcomes' names.

    Raises:
        InputError: A column is missing or not numeric, a role is unknown, a base occurs twice or a
            pair has no base.
    """
    name = "persona frame"
    require_columns(frame, ["sample_id", "role", *COLUMNS], name)
    values = outcome_matrix(frame, outcomes, name)
    role = frame["role"].to_numpy(dtype=object)
    unknown = [str(r) for r in role if r not in _ROLES]
    if unknown:
        raise InputError(
            f"{name}: role {unknown[0]!r} is unknown ({len(unknown)} rows); use {', '.join(_ROLES)}"
        )
    is_base = role == "base"
    bases = frame[is_base]
    # A base may or may not repeat its own identity in base_id.
    carries = bases["base_id"].notna() & (bases["base_id"] != "")
    keys = pd.Index(np.where(carries, bases["base_id"], bases["sample_id"]).astype(str))
    if keys.has_duplicates:
        raise InputError(
            f"{name}: base {keys[keys.duplicated()][0]} occurs more than once; average epochs to "
            "one row per sample"
        )
    twins = frame[~is_base]
    wanted = twins["base_id"].astype(str).to_numpy()
    position = keys.get_indexer(wanted)
    _require_bases(twins, position)
    placebo = role[~is_base] == PLACEBO
    text = {c: twins[c].astype(object).to_numpy() for c in COLUMNS[2:]}
    pairs = pd.DataFrame(
        {
            "pair_id": twins["pair_id"].to_numpy(),
            "base_id": wanted,
            "attribute": np.where(placebo, PLACEBO, text["attribute"]),
            "from_value": np.where(placebo, "", text["from_value"]),
            "to_value": np.where(placebo, "", text["to_value"]),
        }
    )
    difference = values[~is_base] - values[is_base][position]
    return pd.concat([pairs, pd.DataFrame(difference, columns=list(outcomes))], axis=1)


def _require_bases(twins: pd.DataFrame, position: NDArray[np.intp]) -> None:
    lost = twins.loc[position < 0, "sample_id"].astype(str).tolist()
    if lost:
        shown = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
        raise InputError(
            f"persona frame: {len(lost)} of {len(twins)} twins have no base: {shown}; "
            "add the log with their bases or leave them out"
        )
