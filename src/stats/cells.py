"""How well answers suit persons in which several attributes meet, and which cells differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.acceptance import acceptance
from pluralens.stats.clusters import check_level
from pluralens.stats.holm import holm
from pluralens.stats.jeffreys import jeffreys_interval
from pluralens.stats.multiplicity import benjamini_hochberg
from pluralens.stats.padded_shares import PaddedShare, ShareGroup, padded_share
from pluralens.stats.partial_pooling import partial_pooling
from pluralens.stats.persona_frame import outcome_matrix, require_columns

__all__ = ["cell_accuracy", "cell_contrasts"]

COLUMNS = ["cell", "accuracy", "ci_low", "ci_high", "pooled", "own_weight", "n_answers"]
COLUMNS += ["n_pairs", "n_personas", "n_unscored"]
CONTRASTS = ["cell", "other", "difference", "ci_low", "ci_high", "p", "p_holm", "p_bh"]
CONTRASTS += ["n_pairs", "n_other", "n_shared"]

SEPARATOR = "|"


def cell_accuracy(frame: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Estimate the share of accepted answers per cell, raw and partially pooled.

    Jeffreys intervals with the effective number of answers of `two_way_mean`. In 600 simulated
    studies of 8 cells of 30 persons, with skills from 0.2 to 0.9 and effects of persons and
    questions, they covered 95 % on average and 92 to 97 % at each skill (the coverage of a share
    of 30 jumps with the skill); in 1,000 such studies Wilson's covered 96 % (94 to 98 %),
    `two_way_mean`'s own 97 % (94 to 98 %), and cluster t 95 % (92 to 96 %), which has no width
    where all answers are accepted. Pooling took 3 % off the mean squared error there, where skills
    differ as widely as can be.

    Args:
        frame: Critique frame with `cells`: the names of the cells that the person is in, joined by
            "|". Cells may overlap; an answer counts in each of its cells.
        level: Confidence level.

    Returns:
        One row per cell, by name: cell, accuracy, ci_low, ci_high, pooled, own_weight
        (`partial_pooling`, of 1; NaN with fewer than three cells), n_answers (with a
        verdict), n_pairs, n_personas, n_unscored. Cells without persons are not in the frame and
        not in the table.

    Raises:
        InputError: A column is missing or not numeric, or `level` is out of range.
    """
    table = acceptance(_by_cell(frame), "cell", level=level).rename(columns={"value": "cell"})
    known = zip(table["accuracy"], table["size"], strict=True)
    ends = [jeffreys_interval(p, n, level) if n > 0 else (np.nan, np.nan) for p, n in known]
    table[["ci_low", "ci_high"]] = np.array(ends, dtype=np.float64).reshape(-1, 2)
    found = partial_pooling(table["accuracy"], table["size"])
    table["pooled"], table["own_weight"] = found.pooled, found.weight
    return table[COLUMNS]


def cell_contrasts(frame: pd.DataFrame, *, level: float = 0.95, min_n: int = 5) -> pd.DataFrame:
    """Compare every two cells.

    Difference of the cells' shares, positive = the first is better, with interval and p of
    `padded_share`: cells without a failure have a variance too, and questions and persons that
    both cells share are known to be shared. Holm and Benjamini-Hochberg over all contrasts.
    In 400 simulated studies of four cells of 30 persons, intervals covered 95 % (98 % for cells of
    10 %), cells of the same skill had p <= 0.05 in 5 to 6 % (2 %) of contrasts, and any of them a
    Holm-adjusted p <= 0.05 in 1 to 3 % of studies.

    Args:
        frame: As for `cell_accuracy`.
        level: Confidence level.
        min_n: Pairs with a verdict that both cells need; else the estimates are NaN.

    Returns:
        One row per two cells, by name: cell, other, difference, ci_low, ci_high, p, p_holm, p_bh,
        n_pairs, n_other, n_shared (pairs with a verdict, in the cell, the other, and both).

    Raises:
        InputError: A column is missing or not numeric, or an option is out of range.
    """
    check_level(level)
    if min_n < 2:
        raise InputError(f"min_n: {min_n} is too few for a variance; give at least 2")
    long = _by_cell(frame)
    long = long[~np.isnan(outcome_matrix(long, ["accepted"], "critique frame")[:, 0])]
    cells = {str(name): rows for name, rows in long.groupby("cell", sort=True)}
    members = {name: set(rows["pair"]) for name, rows in cells.items()}
    rows: list[tuple[object, ...]] = []
    for one, other in combinations(cells, 2):
        sizes = len(members[one]), len(members[other])
        numbers = PaddedShare(*(float("nan"),) * 4)
        if min(sizes) >= min_n:
            numbers = padded_share(_group(cells[one]), _group(cells[other]), level=level)
        rows.append((one, other, *numbers, *sizes, len(members[one] & members[other])))
    table = pd.DataFrame(rows, columns=[c for c in CONTRASTS if c not in ("p_holm", "p_bh")])
    table["p_holm"], table["p_bh"] = holm(table["p"]), benjamini_hochberg(table["p"])
    return table[CONTRASTS]


def _by_cell(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per answer and cell; answers of no cell are left out."""
    require_columns(frame, ["cells", "pair", "question_id", "persona_id"], "critique frame")
    named = frame[frame["cells"].notna() & (frame["cells"] != "")]
    long = named.assign(cell=named["cells"].astype(str).str.split(SEPARATOR, regex=False))
    return long.explode("cell", ignore_index=True)


def _group(rows: pd.DataFrame) -> ShareGroup:
    values = rows["accepted"].to_numpy(dtype=np.float64)
    return ShareGroup(values, rows["question_id"].to_numpy(), rows["persona_id"].to_numpy())
