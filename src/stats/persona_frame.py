"""Checked access to the persona frame: one row per sample, attributes and outcomes as columns.

Columns: `sample_id`, attributes, outcomes (floats, NaN for none) and the call counts of `COUNTS`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens.errors import InputError

__all__ = [
    "COUNTS",
    "attribute_groups",
    "outcome_matrix",
    "require_base_personas",
    "require_columns",
]

COUNTS = ("asked", "rated", "refused", "invalid")


def require_columns(frame: pd.DataFrame, columns: Sequence[str], frame_name: str) -> None:
    """Refuse a frame without the columns an analysis reads.

    Args:
        frame: Any frame.
        columns: Names that must be there.
        frame_name: What to call the frame in the message.

    Raises:
        InputError: Names the missing columns and those that exist.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        have = ", ".join(map(str, frame.columns)) or "none"
        raise InputError(
            f"{frame_name}: no column {', '.join(missing)}; correct the name or add it (has {have})"
        )


def require_base_personas(frame: pd.DataFrame, frame_name: str) -> None:
    """Refuse rows that are not independent personas.

    Args:
        frame: Persona frame with `sample_id` and perhaps `role`.
        frame_name: What to call the frame in the message.

    Raises:
        InputError: A sample occurs twice, or counterfactual twins or placebos are among the rows:
            they repeat their base and would pass as independent personas.
    """
    require_columns(frame, ["sample_id"], frame_name)
    repeated = frame.loc[frame["sample_id"].duplicated(), "sample_id"]
    if len(repeated):
        raise InputError(
            f"{frame_name}: sample {repeated.iloc[0]} occurs more than once "
            f"({repeated.nunique()} such samples); average epochs to one row per sample"
        )
    if "role" in frame.columns:
        others = int((frame["role"] != "base").sum())
        if others:
            raise InputError(
                f"{frame_name}: {others} of {len(frame)} rows are twins or placebos, which repeat "
                "their base; keep the rows with role 'base'"
            )


def outcome_matrix(
    frame: pd.DataFrame, outcomes: Sequence[str], frame_name: str
) -> NDArray[np.float64]:
    """Read outcome columns as numbers.

    Args:
        frame: Persona frame.
        outcomes: Column names.
        frame_name: What to call the frame in the message.

    Returns:
        `[n_rows, n_outcomes]`, NaN for none.

    Raises:
        InputError: A column is missing or does not hold numbers.
    """
    require_columns(frame, outcomes, frame_name)
    matrix = np.full((len(frame), len(outcomes)), np.nan)
    for k, name in enumerate(outcomes):
        try:
            matrix[:, k] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{frame_name}: column {name} is not numeric ({error}); give numbers or NaN"
            ) from error
    return matrix


def attribute_groups(frame: pd.DataFrame, attribute: str) -> dict[str, NDArray[np.intp]]:
    """Find the rows of each value of an attribute.

    Args:
        frame: Persona frame.
        attribute: Column name.

    Returns:
        Value as text -> row positions; categories in their declared order, numbers by size, other
        values by text. Rows without a value are left out.

    Raises:
        InputError: The column is missing.
    """
    require_columns(frame, [attribute], "persona frame")
    column = frame[attribute]
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = list(column.cat.categories)
    else:
        order = list(column.dropna().unique())
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        order.sort(key=None if numeric else str)
    positions = column.groupby(column, observed=True, sort=False).indices
    groups: dict[str, NDArray[np.intp]] = {}
    for value in order:
        if value in positions:
            # A whole number becomes a float when another row has no value.
            whole = isinstance(value, float) and value.is_integer()
            groups[str(int(value) if whole else value)] = np.asarray(positions[value])
    return groups
