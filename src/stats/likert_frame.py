"""Sample scores of the Likert task as tidy frames, for the log's metrics and for the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pluralens.stats.likert_scale import aligned, semantic
from pluralens.stats.pair_differences import PLACEBO, pair_differences

__all__ = [
    "base_personas",
    "grouped_pairs",
    "item_scores",
    "items_of",
    "outcomes",
    "persona_frame",
    "rating_counts",
    "rating_frame",
    "with_their_bases",
]


def persona_frame(
    sample_ids: Sequence[str],
    metadata: Sequence[Mapping[str, Any]],
    values: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """One row per sample: id, the sample's metadata, the scalars of its score.

    Args:
        sample_ids: Ids, one per sample.
        metadata: Scalars: the persona's attributes, `role` (base, counterfactual, placebo),
            `base_id`, `pair_id`, `changed_attribute`, `from_value`, `to_value`, and what these
            are compared by: `from_group`, `to_group` (an age group for an age).
        values: `Score.value` of each sample.

    Returns:
        Columns sample_id, the metadata, then the numbers as floats. The changed attribute is
        called `attribute`, as the pair estimators expect it.
    """
    about = pd.DataFrame([dict(m) for m in metadata]).reset_index(drop=True)
    numbers = pd.DataFrame([dict(v) for v in values], dtype=float).reset_index(drop=True)
    ids = pd.DataFrame({"sample_id": [str(i) for i in sample_ids]})
    frame = pd.concat([ids, about, numbers], axis=1)
    return frame.rename(columns={"changed_attribute": "attribute"})


def base_personas(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that were drawn from the population: twins depend on their base."""
    return frame[frame["role"] == "base"] if "role" in frame else frame


def with_their_bases(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without twins whose base has no score: lost, or not asked yet.

    A twin without its base says nothing about the changed attribute.
    """
    if "role" not in frame:
        return frame
    is_base = frame["role"] == "base"
    return frame[is_base | frame["base_id"].isin(frame.loc[is_base, "sample_id"])]


def outcomes(frame: pd.DataFrame) -> list[str]:
    """Names of the favourability columns: `aligned`, then `aligned_<dimension>`."""
    per_dimension = sorted(c for c in frame.columns if str(c).startswith("aligned_"))
    return [c for c in ("aligned",) if c in frame.columns] + per_dimension


def items_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The items that were asked in reversed order, found by their columns; nothing known of them.

    Returns:
        Item id -> as in the log's metadata, without adjective and dimension.
    """
    columns = [str(c) for c in frame.columns]
    keys = [c.removesuffix("_rev") for c in columns if c.endswith("_rev")]
    keys = keys or [c.removesuffix("_rev_ev") for c in columns if c.endswith("_rev_ev")]
    return {key: {"adjective": "", "dimension": "", "valence": 0} for key in keys}


def rating_counts(
    frame: pd.DataFrame, items: Mapping[str, Mapping[str, Any]], outcomes: Sequence[str]
) -> pd.DataFrame:
    """How many ratings are behind each outcome of each row.

    Args:
        frame: A persona frame.
        items: Item id -> `adjective`, `dimension`, `valence`.
        outcomes: `semantic`, `aligned` or `aligned_<dimension>`.

    Returns:
        One column per outcome, rows as in `frame`.
    """
    ratings = rating_frame(frame, items)
    rated = ratings[["raw", "raw_reversed"]].notna().sum(axis=1)
    each = rated.to_numpy().reshape(len(items), len(frame))
    counts = {}
    for outcome in outcomes:
        behind = [
            outcome == "semantic"
            or (about["valence"] != 0 and outcome in ("aligned", f"aligned_{about['dimension']}"))
            for about in items.values()
        ]
        counts[outcome] = each[behind].sum(axis=0)
    return pd.DataFrame(counts, index=frame.index)


def grouped_pairs(frame: pd.DataFrame, outcomes: Sequence[str]) -> pd.DataFrame:
    """Differences within pairs, with the groups of the changed values in place of the values.

    Args:
        frame: A persona frame with `from_group` and `to_group`.
        outcomes: Outcome columns.

    Returns:
        As `pair_differences`, for twins whose base has a score. Pairs within one group (an Italian
        and a Polish origin, both "other Europe") compare nothing and are left out.
    """
    kept = with_their_bases(frame)
    pairs = pair_differences(
        kept.assign(from_value=kept["from_group"], to_value=kept["to_group"]), outcomes
    )
    within = (pairs["from_value"] == pairs["to_value"]) & (pairs["attribute"] != PLACEBO)
    return pairs[~within].reset_index(drop=True)


def rating_frame(frame: pd.DataFrame, items: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per persona and item, both orders side by side.

    Args:
        frame: A persona frame.
        items: Item id -> `adjective`, `dimension`, `valence`.

    Returns:
        Columns sample_id, item, adjective, dimension, valence, raw, raw_reversed (NaN where there
        is no rating or the order was not asked). Expected ratings are used where the log has no
        others.
    """
    missing = pd.Series(np.nan, index=frame.index)
    suffix = "" if any(i in frame or f"{i}_rev" in frame for i in items) else "_ev"
    parts = [
        pd.DataFrame(
            {
                "sample_id": frame["sample_id"],
                "item": item,
                "adjective": str(about["adjective"]),
                "dimension": str(about["dimension"]),
                "valence": int(about["valence"]),
                "raw": frame.get(f"{item}{suffix}", missing),
                "raw_reversed": frame.get(f"{item}_rev{suffix}", missing),
            }
        )
        for item, about in items.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def item_scores(frame: pd.DataFrame, items: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Favourability per item: the mean over both orders, mirrored as the item's valence says.

    Args:
        frame: A persona frame.
        items: Item id -> `adjective`, `dimension`, `valence`.

    Returns:
        One column per item, in the order of `items`, rows as in `frame`; NaN where there is no
        rating or the item has no favourable end.
    """
    ratings = rating_frame(frame, items)
    shape = (len(items), len(frame))
    normal = semantic(ratings["raw"].to_numpy(float), False).reshape(shape)
    upside_down = semantic(ratings["raw_reversed"].to_numpy(float), True).reshape(shape)
    either = np.where(np.isnan(normal), upside_down, normal)
    mean = (either + np.where(np.isnan(upside_down), either, upside_down)) / 2
    valence = np.array([int(about["valence"]) for about in items.values()])
    return pd.DataFrame(aligned(mean, valence[:, None]).T, index=frame.index, columns=list(items))
