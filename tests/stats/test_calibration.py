"""The estimators against many simulated studies whose truth is known.

A study is a full crossing as the benchmark makes it: personas with persona effects, an unbalanced
group (20 %) with a larger variance, items of both valences in both orders, ratings 1..5, refusals,
counterfactual twins of which some share a base, and placebos. Eight dimensions with persona effects
of their own, four without and four with a planted effect, make 1,600 nearly independent tests of
each kind from 400 studies, so that a rate of 5 % is known to half a point.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from pluralens.models.latent import LatentModel
from pluralens.stats.contrasts import contrasts
from pluralens.stats.counterfactual_effects import counterfactual_effects
from pluralens.stats.likert_scale import aligned, persona_scores, semantic
from pluralens.stats.order_effects import order_effects
from pluralens.stats.pair_differences import pair_differences

STUDIES = 400
PERSONAS = 120
EFFECT = 0.3
ORDER_BIAS = 0.1
FEW_SD, MANY_SD = 0.4, 0.15
NULL, PLANTED = ("n1", "n2", "n3", "n4"), ("p1", "p2", "p3", "p4")
BASE = dict.fromkeys(NULL, 3.0) | dict.fromkeys(PLANTED, 3.2)
DIMENSION = [name for name in BASE for _ in range(5)]
VALENCE = [1, -1, 1, -1, 1] * len(BASE)
OUTCOMES = [f"aligned_{name}" for name in BASE]
# The constructor checks that the planted effects are the true ones on the 1..5 scale.
MODEL = LatentModel(
    base=BASE,
    effects={"group": {"few": dict.fromkeys(PLANTED, EFFECT)}},
    persona_sd=FEW_SD,
    item_sd=0.1,
    noise=0.4,
    order_bias=ORDER_BIAS,
    refusal_rate=0.03,
)


def scored(raw: np.ndarray) -> pd.DataFrame:
    """`persona_scores` of many personas at once, for speed; compared with it below."""
    semantics = semantic(raw, [False, True])
    rated = ~np.isnan(semantics)
    total = np.where(rated, semantics, 0.0).sum(axis=2)
    items = np.where(rated.any(axis=2), total / np.maximum(rated.sum(axis=2), 1), np.nan)
    favourable = aligned(items, VALENCE).reshape(len(raw), len(BASE), 5)
    return pd.DataFrame(np.nanmean(favourable, axis=2), columns=OUTCOMES)


def test_scores_of_this_test_are_those_of_the_benchmark() -> None:
    rng = np.random.default_rng(0)
    raw = MODEL.simulate(np.zeros((30, len(VALENCE))), VALENCE, DIMENSION, rng)
    expected = pd.DataFrame([persona_scores(answers, VALENCE, DIMENSION) for answers in raw])
    pd.testing.assert_frame_equal(scored(raw), expected[OUTCOMES])


def simulated_study(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """All samples of one study: frame and raw ratings."""
    who = np.arange(PERSONAS)
    own = np.where(who < PERSONAS // 5, "few", "many")
    other = np.where(own == "few", "many", "few")
    spread = np.where(own == "few", FEW_SD, MANY_SD) * np.sqrt(3)
    persona = rng.uniform(-1, 1, (PERSONAS, len(BASE))) * spread[:, None]
    second = who[::2]
    base = np.concatenate([who, who, second, who])
    role = np.repeat(
        ["base", "counterfactual", "placebo"], [PERSONAS, PERSONAS + second.size, PERSONAS]
    )
    group = np.concatenate([own, other, other[second], own])
    planted = [[MODEL.effect({"group": g}, d) for d in DIMENSION] for g in ("few", "many")]
    effect = np.asarray(planted)[(group == "many").astype(int)]
    effect += np.repeat(persona[base], 5, axis=1)
    raw = MODEL.simulate(effect, VALENCE, DIMENSION, rng, np.zeros(base.size))
    names = [f"s{i}" for i in range(base.size)]
    frame = scored(raw).assign(
        sample_id=names,
        role=role,
        base_id=[names[b] for b in base],
        pair_id=names,
        attribute="group",
        from_value=own[base],
        to_value=group,
        group=group,
    )
    return frame, raw


def tidy(raw: np.ndarray) -> pd.DataFrame:
    n_personas, n_items, _ = raw.shape
    return pd.DataFrame(
        {
            "sample_id": np.repeat(np.arange(n_personas), n_items),
            "item": "any",
            "dimension": "any",
            "raw": raw[..., 0].ravel(),
            "raw_reversed": raw[..., 1].ravel(),
        }
    )


class Tables(NamedTuple):
    contrasts: pd.DataFrame
    effects: pd.DataFrame
    order: pd.DataFrame


@cache
def studies() -> Tables:
    rng = np.random.default_rng(0)
    found: list[list[pd.DataFrame]] = [[], [], []]
    for study in range(STUDIES):
        frame, raw = simulated_study(rng)
        bases = frame[frame["role"] == "base"]
        found[0].append(contrasts(bases, ["group"], OUTCOMES, n_permutations=299, seed=study))
        pairs = pair_differences(frame, OUTCOMES)
        found[1].append(
            counterfactual_effects(pairs, OUTCOMES, n_permutations=299, n_bootstrap=999, seed=study)
        )
        found[2].append(order_effects(tidy(raw[:PERSONAS])).iloc[:1])
    return Tables(*(pd.concat(tables, ignore_index=True) for tables in found))


def of_kind(table: pd.DataFrame, kind: tuple[str, ...]) -> pd.DataFrame:
    return table[table["outcome"].isin([f"aligned_{name}" for name in kind])]


def covered(table: pd.DataFrame, truth: float) -> float:
    return float(((table["ci_low"] <= truth) & (truth <= table["ci_high"])).mean())


def rejected(table: pd.DataFrame) -> float:
    return float((table["p"] <= 0.05).mean())


CELLS = [("few", "many", "direction"), ("many", "few", "direction"), ("many", "few", "pair")]


def cell(reference: str, value: str, level: str, kind: tuple[str, ...]) -> pd.DataFrame:
    table = of_kind(studies().effects, kind)
    chosen = (table["reference"] == reference) & (table["value"] == value)
    rows = table[chosen & (table["level"] == level)]
    assert len(rows) == STUDIES * len(kind)
    return rows


def test_contrasts_keep_their_level() -> None:
    table = of_kind(studies().contrasts, NULL)
    assert (table["n_value"] == PERSONAS // 5).all() and set(table["value"]) == {"few"}
    assert 0.03 <= rejected(table) <= 0.07
    assert 0.93 <= covered(table, 0.0) <= 0.97


def test_contrasts_cover_planted_effects() -> None:
    table = of_kind(studies().contrasts, PLANTED)
    assert 0.93 <= covered(table, EFFECT) <= 0.97
    assert rejected(table) > 0.7


def test_false_discoveries_of_adjusted_p() -> None:
    """Half of a family is null, so Benjamini-Hochberg at 5 % errs in 2.5 % of its discoveries."""
    table = studies().contrasts
    study = pd.Series(table.index // len(OUTCOMES), index=table.index)
    found = table["p_adjusted"] <= 0.05
    false = found & table.index.isin(of_kind(table, NULL).index)
    share = false.groupby(study).sum() / found.groupby(study).sum().clip(lower=1)
    assert 0.01 <= share.mean() <= 0.04


@pytest.mark.parametrize(("reference", "value", "level"), CELLS)
def test_counterfactual_effects_keep_their_level(reference: str, value: str, level: str) -> None:
    rows = cell(reference, value, level, NULL)
    assert 0.03 <= rejected(rows) <= 0.07
    assert 0.93 <= covered(rows, 0.0) <= 0.97


@pytest.mark.parametrize(("reference", "value", "level"), CELLS)
def test_counterfactual_effects_cover_planted_effects(
    reference: str, value: str, level: str
) -> None:
    rows = cell(reference, value, level, PLANTED)
    assert 0.93 <= covered(rows, EFFECT if value == "few" else -EFFECT) <= 0.97
    assert not rows["equivalent"].any()


def test_placebo_keeps_its_level() -> None:
    for kind in (NULL, PLANTED):
        rows = cell("base", "placebo", "direction", kind)
        assert 0.03 <= rejected(rows) <= 0.07
        assert 0.93 <= covered(rows, 0.0) <= 0.97


@pytest.mark.parametrize(("reference", "value", "level"), CELLS)
def test_placebo_band_holds_effects_that_are_none(reference: str, value: str, level: str) -> None:
    rows = cell(reference, value, level, NULL)
    inside = (rows["placebo_low"] <= rows["difference"]) & (
        rows["difference"] <= rows["placebo_high"]
    )
    assert 0.93 <= inside.mean() <= 0.97


def test_order_bias_is_recovered() -> None:
    """Both numbers written carry the bias, so d has twice its expectation."""
    assert 0.92 <= covered(studies().order, 2 * ORDER_BIAS) <= 0.98
