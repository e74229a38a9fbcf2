"""Patching between minimal pairs against brute force, and what it must be at the ends."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import brute_force_patching as slow  # noqa: E402
from minimal_pairs import token_pairs  # noqa: E402
from tiny_language_models import (  # noqa: E402
    tiny_gpt2,
    tiny_gpt_neo,
    tiny_qwen2,
    tiny_tokenizer,
)

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.patching import DIRECTIONS, Patching, patch, recovery  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {"gpt2": tiny_gpt2, "gpt-neo": tiny_gpt_neo, "qwen2": tiny_qwen2}


def checkpoint(name: str):
    return adopt(MODELS[name](), tiny_tokenizer(), name="t")


@pytest.mark.parametrize("name", MODELS)
def test_patching_everything_recovers_all_and_nothing_none(name: str) -> None:
    pairs = token_pairs(single=False)
    # Position 2 differs; of prompts of 4 and more tokens, -1 is behind it and 0, 1 before it.
    found = patch(checkpoint(name), pairs, positions=("all", -1, -100))
    assert np.abs(found.clean - found.corrupt).min() > 1e-3
    for direction in DIRECTIONS:
        got = recovery(found, "resids", direction)
        assert np.abs(got.estimate[0] - 1).max() < 1e-4
        assert np.abs(got.ci_low[0] - 1).max() < 1e-3 and np.abs(got.ci_high[0] - 1).max() < 1e-3
        # No prompt has a hundred tokens: no measurement, not a recovery of 0.
        assert np.isnan(got.estimate[2]).all() and (got.n_pairs[2] == 0).all()
        assert (got.n_pairs[0] == len(pairs)).all() and got.n_groups == 6
    ends = found.corrupt, found.clean
    for direction, start in zip(DIRECTIONS, ends, strict=True):
        # Heads and MLPs alone carry something, and not everything.
        heads = found.heads[direction][0] - start
        assert 1e-3 < np.abs(heads).max() and np.isfinite(heads).all()


def test_positions_before_the_swap_carry_nothing() -> None:
    pairs = [pair for pair in token_pairs(single=True) if len(pair.clean.prefix) == 9]
    found = patch(checkpoint("gpt2"), pairs, positions=(-9, -8, -7, -1))
    for direction in DIRECTIONS:
        for kind in ("heads", "mlps", "resids"):
            moved = recovery(found, kind, direction).estimate
            assert np.abs(moved[:2]).max() < 1e-5
            assert np.abs(moved[2:]).max() > 1e-2
        # The last layer's last position is all that a target of one token is read from.
        assert np.abs(recovery(found, "resids", direction).estimate[3, -1] - 1) < 1e-4
        assert np.abs(recovery(found, "resids", direction).estimate[2, -1]) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_patching_equals_brute_force(name: str) -> None:
    pairs = token_pairs(single=False)[:3]
    found = patch(checkpoint(name), pairs, positions=("all", -2), rows=50)
    model = MODELS[name]()
    model = slow.like_gpt2(model) if name == "qwen2" else model
    width = 8

    def theirs(pair, into, source, site, layer, columns, place):
        targets = (*pair.clean.a, *pair.clean.b)
        other = {t: slow.taken(model, (*source.prefix, *t), site, layer) for t in targets}

        def change(x, target):
            x = x.clone()
            at = slice(None) if place == "all" else len(into.prefix) + place
            x[at, columns] = other[target][at, columns]
            return x

        a, b = pair.clean.a, pair.clean.b
        return slow.patched_bias(model, into.prefix, a, b, site, layer, change)

    for k, pair in enumerate(pairs):
        for p, place in enumerate(found.positions):
            for layer in (0, 1):
                ways = (
                    ("denoising", pair.corrupt, pair.clean),
                    ("noising", pair.clean, pair.corrupt),
                )
                for direction, into, source in ways:
                    columns = slice(width, 2 * width)
                    expected = theirs(pair, into, source, "z", layer, columns, place)
                    assert abs(found.heads[direction][p, layer, 1, k] - expected) < 2e-5
                    whole = slice(None)
                    expected = theirs(pair, into, source, "mlp_out", layer, whole, place)
                    assert abs(found.mlps[direction][p, layer, k] - expected) < 2e-5
                    expected = theirs(pair, into, source, "resid_post", layer, whole, place)
                    assert abs(found.resids[direction][p, layer, k] - expected) < 2e-5


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_engine_equals_hooks_and_batches_change_nothing(name: str) -> None:
    pairs, one = token_pairs(single=False)[:4], checkpoint(name)
    ways = [
        patch(one, pairs, positions=("all", -5), fast=fast, rows=rows)
        for fast, rows in ((True, 2000), (True, 1), (False, 400))
    ]
    for direction in DIRECTIONS:
        for other in ways[1:]:
            for kind in ("heads", "mlps", "resids"):
                ours, theirs = ways[0].patched(kind, direction), other.patched(kind, direction)
                assert np.array_equal(np.isnan(ours), np.isnan(theirs))
                assert np.nanmax(np.abs(ours - theirs)) < 2e-5
    # Prompts of 4 tokens have no fifth from the end.
    missing = np.isnan(ways[0].mlps["noising"][1]).all(axis=0)
    assert [len(pair.clean.prefix) < 5 for pair in pairs] == missing.tolist()


def made_up(clean, corrupt, patched, groups) -> Patching:
    """A result of one layer and one head."""
    shape = np.asarray(patched, np.float32)
    return Patching(
        ids=tuple(map(str, range(len(clean)))),
        groups=tuple(groups),
        clean=np.asarray(clean, np.float32),
        corrupt=np.asarray(corrupt, np.float32),
        positions=("all",),
        heads={"denoising": shape[None, None, None]},
        mlps={"denoising": shape[None, None]},
        resids={"denoising": shape[None, None]},
        about={},
    )


def test_recovery_is_a_ratio_of_means_in_the_pairs_own_direction() -> None:
    # The same two texts in both orders, and a pair that hardly differs but moves.
    clean, corrupt = [1.0, -1.0, 0.001], [-1.0, 1.0, 0.0]
    patched = [0.0, 0.0, 0.5]
    got = recovery(made_up(clean, corrupt, patched, "aab"), "mlps", "denoising")
    # 1 of 2, 1 of 2, 0.5 of 0.001: the mean of ratios would be 167.
    assert np.isclose(got.estimate[0, 0], (1 + 1 + 0.5) / (2 + 2 + 0.001), atol=1e-6)
    assert got.n_pairs[0, 0] == 3 and got.n_groups == 2
    # Ratios have no unit: a metric a thousand times smaller gives the same numbers.
    small = made_up(*(np.array(x) / 1000 for x in (clean, corrupt, patched)), "aab")
    assert np.allclose(recovery(small, "mlps", "denoising").ci_low, got.ci_low, atol=1e-5)
    assert got.ci_low[0, 0] < got.estimate[0, 0]


def test_recovery_interval_covers() -> None:
    """Simulated pairs with a known ratio: the interval holds it in about 95 % of repetitions."""
    rng = np.random.default_rng(0)
    hits, widths = 0, []
    for repetition in range(200):
        groups = np.repeat(np.arange(30), 4)
        own = rng.normal(0, 0.2, 30)[groups]
        gap = rng.normal(0, 1, 120)
        moved = gap * (0.3 + own) + rng.normal(0, 0.05, 120)
        result = made_up(gap, np.zeros(120), moved, groups.astype(str))
        got = recovery(result, "resids", "denoising", n_resamples=400, seed=repetition)
        hits += got.ci_low[0, 0] <= 0.3 <= got.ci_high[0, 0]
        widths.append(got.ci_high[0, 0] - got.ci_low[0, 0])
    assert 0.90 <= hits / 200 <= 0.99, hits
    assert 0.05 < np.mean(widths) < 0.4


def test_nothing_to_recover_is_not_a_number() -> None:
    got = recovery(made_up([1, 2], [1, 2], [3, 4], "ab"), "heads", "denoising")
    assert np.isnan(got.estimate).all() and np.isnan(got.ci_low).all()


def test_wrong_input_is_named() -> None:
    one, pairs = checkpoint("gpt2"), token_pairs(single=True)[:1]
    for given, options, message in (
        ([], {}, "no usable pairs"),
        (pairs, {"directions": ["sideways"]}, "directions: no 'sideways'"),
        (pairs, {"directions": []}, "directions: none"),
        (pairs, {"sites": ["resid_mid"]}, "sites: no 'resid_mid'"),
        (pairs, {"positions": [0]}, "positions: no 0"),
        (pairs, {"positions": []}, "positions: none"),
        (pairs, {"positions": ["last"]}, "positions: no 'last'"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            patch(one, given, **options)
        assert "\n" not in str(caught.value) and ";" in str(caught.value)
    found = patch(one, pairs, directions=["noising"], sites=["resid_post"])
    assert np.isnan(found.heads["noising"]).all() and np.isfinite(found.resids["noising"]).all()
    with pytest.raises(InputError, match="was not patched"):
        recovery(found, "resids", "denoising")
    with pytest.raises(InputError, match="kind: no 'edges'"):
        recovery(found, "edges", "noising")
