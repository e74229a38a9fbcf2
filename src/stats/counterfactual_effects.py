"""Counterfactual effects: what changing one attribute of a persona does to its ratings.

Sign: a direction row is `to` minus `from`; a pair row is value minus reference. Positive = the
value is rated above the reference. Pairs that share a base share its ratings, so the base is the
unit of every interval and test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.bootstrap import bca_interval, cluster_bootstrap
from pluralens.stats.clusters import (
    ClusterSums,
    MeanEstimate,
    check_level,
    cluster_sums,
    estimate_mean,
    t_interval,
)
from pluralens.stats.equivalence import DEFAULT_MARGIN, equivalence_p
from pluralens.stats.multiplicity import adjust_within
from pluralens.stats.pair_differences import COLUMNS as PAIR_COLUMNS
from pluralens.stats.pair_differences import PLACEBO
from pluralens.stats.permutation import sign_flip_p
from pluralens.stats.persona_frame import outcome_matrix, require_columns
from pluralens.stats.seeding import cell_rng

__all__ = ["counterfactual_effects"]

COLUMNS = ["attribute", "reference", "value", "outcome", "level", "n_pairs", "n_bases"]
COLUMNS += ["difference", "ci_low", "ci_high", "p", "p_adjusted", "tost_p", "equivalent"]
COLUMNS += ["placebo_low", "placebo_high", "n_placebo"]

# Fewer bases cannot reach far enough into the tails for BCa: with 5, 8 and 12 bases the expanded
# BCa interval covered 91.5, 93.9 and 94.1 % (3,000 simulated studies each, five 1..5 items per
# persona), Efron's own 84.2, 88.1 and 91.0 %, the t interval 95.1, 95.3 and 95.1 %. From 12 on BCa
# is the better one for skewed differences, where only few pairs move (20 bases: 91.8 to 90.0 %).
_BCA_MIN_BASES = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Options:
    margin: float
    n_permutations: int
    n_bootstrap: int
    seed: int
    level: float
    min_n: int


class _Cell(NamedTuple):
    """Pairs that estimate one effect; `sign` turns each to value minus reference."""

    attribute: str
    reference: str
    value: str
    level: str
    rows: NDArray[np.intp]
    sign: Floats


class _Placebo(NamedTuple):
    """What asking twice does; `sd` is that of single placebo differences, `[n_outcomes]`."""

    estimate: MeanEstimate
    sd: Floats


def counterfactual_effects(
    pairs: pd.DataFrame,
    outcomes: Sequence[str],
    *,
    margin: float = DEFAULT_MARGIN,
    n_permutations: int = 4000,
    n_bootstrap: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    min_n: int = 5,
) -> pd.DataFrame:
    """Estimate the mean difference within minimal pairs, per direction and per pair of values.

    Per row: mean of the differences; BCa interval over bases (`bca_interval`; t interval with fewer
    than 12 bases, where BCa covers too little); sign-flip p by base; Benjamini-Hochberg within
    attribute x outcome x level; TOST against +-`margin`. The placebo band is where the mean of that
    many pairs falls with probability `level` if only asking twice moves the ratings:
    0 +- t_{G-1} * s * sqrt(sum_b (n_b + m_b^2) / 2) / n, with s the standard deviation of the
    placebo differences and G their bases, n_b the pairs of base b in the row, m_b the sum of their
    signs and n = sum_b n_b; half the noise of a difference is its base's, which all its pairs
    share. With one pair per base that is t * s / sqrt(n). The centre is 0 because both askings are
    the same prompt; a shift between them shows in the placebo's own row.

    Args:
        pairs: One row per pair, as `pair_differences` makes them: pair_id, base_id, attribute,
            from_value, to_value and per outcome twin minus base (scale points). Rows with the
            attribute "placebo" give the placebo band.
        outcomes: Outcome columns.
        margin: Half width of the equivalence region, scale points.
        n_permutations: Random sign vectors per row; 0 for no test (p is NaN).
        n_bootstrap: Resamples per row.
        seed: Seed; a row's numbers do not depend on which other rows there are.
        level: Confidence level; TOST and `equivalent` use 1 - `level`.
        min_n: Bases with the outcome below which a row keeps its counts but has NaN estimates.

    Returns:
        Rows at two levels: "direction" per attribute, from (reference) and to (value); "pair" per
        unordered pair of values, both directions pooled, the reference being the value that is
        `from` more often (in a tie the first by text); and one "direction" row for the placebo with
        reference "base" and value "placebo". Columns: attribute, reference, value, outcome, level,
        n_pairs, n_bases, difference, ci_low, ci_high (scale points), p, p_adjusted, tost_p,
        equivalent (False where tost_p is NaN), placebo_low, placebo_high (scale points; NaN with
        fewer than `min_n` placebo bases), n_placebo (placebo pairs with the outcome).

    Raises:
        InputError: A column is missing or not numeric, a pair occurs twice or changes nothing, or
            an option is out of range.
    """
    check_level(level)
    if min_n < 2:
        raise InputError(f"min_n: {min_n} is too few for a variance; give at least 2")
    options = _Options(margin, n_permutations, n_bootstrap, seed, level, min_n)
    require_columns(pairs, PAIR_COLUMNS, "pairs")
    values = outcome_matrix(pairs, outcomes, "pairs")
    bases = pairs["base_id"].astype(str).to_numpy(dtype=object)
    cells = list(_cells(pairs))
    placebo = _placebo(cells, values, bases)
    rows: list[tuple[object, ...]] = []
    for cell in cells:
        names = cell.attribute, cell.reference, cell.value
        numbers = _estimates(cell, values, bases, placebo, options)
        for k, outcome in enumerate(outcomes):
            rows.append((*names, outcome, cell.level, *(column[k] for column in numbers)))
    kept = [name for name in COLUMNS if name not in ("p_adjusted", "equivalent")]
    table = pd.DataFrame(rows, columns=kept)
    table["p_adjusted"] = adjust_within(table, ["attribute", "outcome", "level"])
    table["equivalent"] = table["tost_p"].to_numpy(dtype=np.float64) < 1 - level
    return table[COLUMNS]


def _cells(pairs: pd.DataFrame) -> Iterator[_Cell]:
    """Yield the cells attribute by attribute, directions first, placebo last."""
    source = pairs["from_value"].astype(str).to_numpy(dtype=object)
    target = pairs["to_value"].astype(str).to_numpy(dtype=object)
    attribute = pairs["attribute"].astype(str).to_numpy(dtype=object)
    if pairs["pair_id"].duplicated().any():
        twice = pairs.loc[pairs["pair_id"].duplicated(), "pair_id"].iloc[0]
        raise InputError(f"pairs: pair {twice} occurs more than once; average epochs to one row")
    unchanged = np.flatnonzero((source == target) & (attribute != PLACEBO))
    if unchanged.size:
        row = unchanged[0]
        raise InputError(
            f"pairs: pair {pairs['pair_id'].iloc[row]} changes {attribute[row]} from {source[row]} "
            "to itself; give it the attribute 'placebo' or leave it out"
        )
    for name in dict.fromkeys(attribute[attribute != PLACEBO]):
        rows = np.flatnonzero(attribute == name)
        members: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            members.setdefault((source[row], target[row]), []).append(int(row))
        for origin, to in sorted(members):
            index = np.asarray(members[origin, to], dtype=np.intp)
            yield _Cell(name, origin, to, "direction", index, np.ones(index.size))
        for first, second in sorted({(min(key), max(key)) for key in members}):
            forward, backward = members.get((first, second), []), members.get((second, first), [])
            reference, value = first, second
            if len(backward) > len(forward):
                reference, value, forward, backward = second, first, backward, forward
            index = np.asarray(forward + backward, dtype=np.intp)
            sign = np.repeat([1.0, -1.0], [len(forward), len(backward)])
            yield _Cell(name, reference, value, "pair", index, sign)
    index = np.flatnonzero(attribute == PLACEBO)
    if index.size:
        yield _Cell(PLACEBO, "base", PLACEBO, "direction", index, np.ones(index.size))


def _placebo(cells: Sequence[_Cell], values: Floats, bases: NDArray[np.object_]) -> _Placebo | None:
    rows = next((cell.rows for cell in cells if cell.attribute == PLACEBO), None)
    if rows is None:
        return None
    estimate = estimate_mean(cluster_sums(values[rows], bases[rows]))
    deviation = values[rows] - estimate.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.sqrt(np.nansum(deviation**2, axis=0) / (estimate.n_values - 1.0))
    return _Placebo(estimate, sd)


def _estimates(
    cell: _Cell,
    values: Floats,
    bases: NDArray[np.object_],
    placebo: _Placebo | None,
    options: _Options,
) -> tuple[NDArray[np.generic], ...]:
    """The columns from n_pairs on, in order, without p_adjusted and equivalent."""
    signed = values[cell.rows] * cell.sign[:, None]
    data = cluster_sums(signed, bases[cell.rows])
    estimate = estimate_mean(data)
    enough = estimate.n_clusters >= options.min_n
    low, high, p = (np.full(enough.size, np.nan) for _ in range(3))
    if enough.any():
        rng = cell_rng(options.seed, cell.attribute, cell.reference, cell.value, cell.level)
        kept = ClusterSums(data.sums[:, enough], data.counts[:, enough])
        if options.n_permutations:
            p[enough] = sign_flip_p(kept, n_permutations=options.n_permutations, rng=rng)
        low[enough], high[enough] = _interval(kept, options, rng)
    difference = np.where(enough, estimate.mean, np.nan)
    tost_p = np.where(enough, equivalence_p(estimate, options.margin), np.nan)
    counts = estimate.n_values, estimate.n_clusters
    n_placebo, half_band = np.zeros_like(estimate.n_values), np.full(enough.size, np.nan)
    if placebo is not None:
        n_placebo = placebo.estimate.n_values
        signs = np.where(np.isnan(signed), np.nan, cell.sign[:, None])
        half_band = _half_band(placebo, cluster_sums(signs, bases[cell.rows]), options)
        half_band = np.where(enough, half_band, np.nan)
    return (*counts, difference, low, high, p, tost_p, -half_band, half_band, n_placebo)


def _interval(
    data: ClusterSums, options: _Options, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    estimate = estimate_mean(data)
    resampled = cluster_bootstrap(data, n_resamples=options.n_bootstrap, rng=rng)
    bca = bca_interval(data, resampled, level=options.level)
    few = estimate.n_clusters < _BCA_MIN_BASES
    by_t = t_interval(estimate, options.level)
    return np.where(few, by_t[0], bca[0]), np.where(few, by_t[1], bca[1])


def _half_band(placebo: _Placebo, signs: ClusterSums, options: _Options) -> Floats:
    """Half width of the placebo band for a cell with these signs per base."""
    bases = placebo.estimate.n_clusters
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = (signs.counts + signs.sums**2).sum(axis=0) / 2
        spread = placebo.sd * np.sqrt(shared) / signs.counts.sum(axis=0)
    half = student_t.ppf(0.5 + options.level / 2, np.maximum(bases - 1, 1)) * spread
    return np.where(bases >= options.min_n, half, np.nan)
