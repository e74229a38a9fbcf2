"""Attribution against exact replacement, brute force, and cases where it must be exact."""

import sys
from dataclasses import replace
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
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.architectures import network  # noqa: E402
from pluralens.interp.attribution import attribute  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.fidelity import exact_scores, fidelity  # noqa: E402
from pluralens.interp.interventions import EngineRun  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {"gpt2": tiny_gpt2, "gpt-neo": tiny_gpt_neo, "qwen2": tiny_qwen2}
KINDS = ("heads", "mlps", "resids")


def checkpoint(model):
    return adopt(model, tiny_tokenizer(), name="t")


def oracle_model(name: str):
    model = MODELS[name]().requires_grad_(False)
    return slow.like_gpt2(model) if name == "qwen2" else model


def linear_model():
    """A GPT-2 whose logits are linear in every activation: even attention, norms of fixed scale."""
    model = tiny_gpt2(activation_function="linear")
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_attn.weight[:, : 2 * 32] = 0
            block.attn.c_attn.bias[: 2 * 32] = 0
        for module in model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.eps = 1e8
                module.weight.mul_(3e4)
    return model


@pytest.mark.parametrize("single", [True, False], ids=["single", "several"])
@pytest.mark.parametrize("name", MODELS)
def test_atp_equals_brute_force_gradients(name: str, single: bool) -> None:
    pairs = token_pairs(single=single)[:4]
    ours = attribute(checkpoint(MODELS[name]()), pairs)
    model = oracle_model(name)
    for k, pair in enumerate(pairs):
        for layer in range(len(ours.mlps)):
            theirs = slow.gradient_products(
                model, pair.clean.prefix, pair.corrupt.prefix, pair.clean.a, pair.clean.b, layer
            )
            heads = theirs["z"].unflatten(0, (4, -1)).sum(-1).numpy()
            assert np.abs(ours.heads[layer, :, k] - heads).max() < 2e-5
            assert abs(ours.mlps[layer, k] - float(theirs["mlp_out"].sum())) < 2e-5
            assert abs(ours.resids[layer, k] - float(theirs["resid_post"].sum())) < 2e-5
    assert np.abs(ours.heads).max() > 0.01


@pytest.mark.parametrize("method", ["atp", "ig", "grad_x_act"])
@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_engine_equals_hooks(name: str, method: str) -> None:
    pairs = token_pairs(single=False)
    one = checkpoint(MODELS[name]())
    engine = attribute(one, pairs, method=method, ig_steps=3, rows=40)
    hooks = attribute(one, pairs, method=method, ig_steps=3, fast=False, rows=300)
    assert (engine.about["engine"], hooks.about["engine"]) == ("fast", "TransformerBridge")
    for kind in KINDS:
        ours, theirs = getattr(engine, kind), getattr(hooks, kind)
        assert np.abs(ours - theirs).max() < 2e-5 * max(1, np.abs(theirs).max())
        assert np.isfinite(ours).all() and np.abs(ours).max() > 1e-3
    assert np.allclose(engine.clean, hooks.clean, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_exact_scores_equal_brute_force(name: str) -> None:
    pairs = token_pairs(single=False)[:4]
    ours = exact_scores(checkpoint(MODELS[name]()), pairs, baseline="twin", rows=60)
    model = oracle_model(name)
    for k, pair in enumerate(pairs):
        prefix, a, b = pair.clean.prefix, pair.clean.a, pair.clean.b
        for layer in range(len(ours.mlps)):

            def score(site, columns, layer=layer, pair=pair, prefix=prefix, a=a, b=b):
                other = {
                    target: slow.taken(model, (*pair.corrupt.prefix, *target), site, layer)
                    for target in (*a, *b)
                }

                def change(x, target):
                    x = x.clone()
                    x[:, columns] = other[target][:, columns]
                    return x

                clean = slow.patched_bias(model, prefix, a, b, site, layer, lambda x, target: x)
                return clean - slow.patched_bias(model, prefix, a, b, site, layer, change)

            for head in (0, 3):
                width = 8
                columns = slice(head * width, (head + 1) * width)
                assert abs(score("z", columns) - ours.heads[layer, head, k]) < 2e-5
            assert abs(score("mlp_out", slice(None)) - ours.mlps[layer, k]) < 2e-5
            assert abs(score("resid_post", slice(None)) - ours.resids[layer, k]) < 2e-5


@pytest.mark.parametrize("method", ["atp", "ig"])
def test_attribution_is_exact_where_everything_is_linear(method: str) -> None:
    one, pairs = checkpoint(linear_model()), token_pairs(single=True)
    scores = attribute(one, pairs, method=method, ig_steps=1)
    exact = exact_scores(one, pairs, baseline="twin")
    found = fidelity(one, pairs, scores)
    for kind in KINDS:
        theirs = getattr(exact, kind)
        assert np.abs(theirs).max() > 0.05
        assert np.abs(getattr(scores, kind) - theirs).max() < 1e-4 * np.abs(theirs).max()
        assert found.agreement[kind].relative_error < 1e-4
    assert found.agreement["heads"].verdict == "enough"
    # Three layers are too few to say anything about a ranking of MLPs.
    assert found.agreement["mlps"].verdict == "low"
    assert "too few" in found.agreement["mlps"].reason


def test_error_of_atp_is_of_second_order() -> None:
    """Halve the difference of the twins: the error is a quarter, relative to the score a half."""
    pairs = token_pairs(single=True)
    delta = torch.randn(32, generator=torch.Generator().manual_seed(0))
    errors = []
    for size in (0.02, 0.01, 0.005):
        model = tiny_gpt2(tie_word_embeddings=False)
        table = model.transformer.wte.weight
        with torch.no_grad():
            for pair in pairs:
                table[pair.corrupt.prefix[2]] = table[pair.clean.prefix[2]] + size * delta
        one = checkpoint(model)
        scores, exact = attribute(one, pairs), exact_scores(one, pairs, baseline="twin")
        errors.append(
            [
                np.linalg.norm(getattr(scores, kind) - getattr(exact, kind))
                / np.linalg.norm(getattr(exact, kind))
                for kind in KINDS
            ]
        )
    ratios = np.array(errors)[1:] / np.array(errors)[:-1]
    assert (np.array(errors)[0] > 1e-3).all()
    assert ((ratios > 0.35) & (ratios < 0.65)).all(), ratios


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_integrated_gradients_are_complete(name: str) -> None:
    pairs = token_pairs(single=False)
    one = checkpoint(MODELS[name]())
    found = attribute(one, pairs, method="ig", ig_steps=24)
    gap = found.clean - found.corrupt
    assert np.abs(found.resids - gap).max() < 2e-3 * np.abs(gap).max()
    run = EngineRun(network(one), [p.clean for p in pairs], [p.corrupt for p in pairs])
    for layer in range(len(found.mlps)):
        for site, scores in (("z", found.heads.sum(1)), ("mlp_out", found.mlps)):
            other = run.take(1).at(site, layer)
            exact = found.clean - run.replaced(site, layer, other[None])[0].numpy()
            assert np.abs(scores[layer] - exact).max() < 2e-3 * np.abs(gap).max()
    # It is the path that makes them so: one gradient does not sum to the gap.
    atp = attribute(one, pairs)
    assert np.abs(atp.resids - gap).max() > 0.02 * np.abs(gap).max()


@pytest.mark.parametrize("baseline", ["mean", "zero"])
@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_exact_scores_are_minus_the_effects_of_ablation(name: str, baseline: str) -> None:
    items = [pair.clean for pair in token_pairs(single=False)]
    one = checkpoint(MODELS[name]())
    effects = scan(one, items, mode=baseline)
    for fast in (True, False):
        exact = exact_scores(one, items, baseline=baseline, rows=64, fast=fast)
        assert np.abs(exact.heads + effects.heads).max() < 2e-5
        assert np.abs(exact.mlps + effects.mlps).max() < 2e-5


def test_baselines_without_twins() -> None:
    items = [pair.clean for pair in token_pairs(single=True)]
    one = checkpoint(tiny_gpt2())
    mean = attribute(one, items)
    assert mean.about["baseline"] == "mean" and np.isnan(mean.corrupt).all()
    assert np.isfinite(mean.heads).all() and np.isfinite(mean.resids).all()
    zero = attribute(one, items, baseline="zero")
    product = attribute(one, items, method="grad_x_act")
    assert product.about["baseline"] == "zero"
    assert np.array_equal(zero.heads, product.heads)
    assert np.abs(zero.heads - mean.heads).max() > 1e-3
    # Not the same thing as the gradient being right: against zero it is a poor approximation.
    assert fidelity(one, items, product).agreement["mlps"].relative_error > 0.05


def test_mean_is_over_all_items_whatever_the_batches() -> None:
    items = [pair.clean for pair in token_pairs(single=False)]
    one = checkpoint(tiny_gpt2())
    whole, parts = (attribute(one, items, rows=rows) for rows in (2000, 1))
    for kind in KINDS:
        assert np.abs(getattr(whole, kind) - getattr(parts, kind)).max() < 1e-5
    exact = exact_scores(one, items, baseline="mean")
    some = exact_scores(one, items, baseline="mean", members=[5, 1])
    assert np.abs(some.heads - exact.heads[..., [5, 1]]).max() < 1e-5


def test_hook_points_have_their_names() -> None:
    pairs = token_pairs(single=True)
    found = attribute(checkpoint(tiny_gpt2(layers=2)), pairs)
    points = found.hook_points
    assert set(points) == {
        f"blocks.{layer}.{name}"
        for layer in range(2)
        for name in ("attn.hook_z", "hook_mlp_out", "hook_resid_post")
    }
    assert np.allclose(points["blocks.1.attn.hook_z"], found.heads[1].sum(0))
    assert np.array_equal(points["blocks.0.hook_resid_post"], found.resids[0])


def test_fidelity_is_low_where_scores_are_shuffled() -> None:
    pairs = token_pairs(single=True)
    one = checkpoint(tiny_gpt2(layers=4))
    scores = attribute(one, pairs, method="ig")
    found = fidelity(one, pairs, scores, prompts=4, seed=1)
    again = fidelity(one, pairs, scores, prompts=4, seed=1)
    other = fidelity(one, pairs, scores, prompts=4, seed=2)
    assert len(found.prompts) == 4 and found.prompts == again.prompts != other.prompts
    shuffled = replace(scores, heads=scores.heads[::-1, ::-1])
    assert fidelity(one, pairs, shuffled).agreement["heads"].verdict == "low"
    assert fidelity(one, pairs, shuffled).agreement["heads"].relative_error > 0.5
    assert found.agreement["mlps"].reason == ""
    # Every layer's residual stream carries all of what parts the twins: nothing to rank.
    resids = found.agreement["resids"]
    assert np.isnan(resids.pearson) and resids.verdict == "low"
    assert resids.reason == "all components have the same effect"
    assert resids.relative_error < 0.01


def test_twins_in_both_orders_do_not_cancel() -> None:
    """Every pair is there twice, with clean and corrupt exchanged, as data of twins have it."""
    pairs = token_pairs(single=True)
    turned = [replace(pair, clean=pair.corrupt, corrupt=pair.clean) for pair in pairs]
    one = checkpoint(tiny_gpt2(layers=4))
    found = attribute(one, pairs + turned, method="ig")
    assert np.array_equal(found.direction[:7], -found.direction[7:])
    plain, directed = found.mlps.mean(1), (found.mlps * found.direction).mean(1)
    assert np.abs(plain).max() < 0.2 * np.abs(directed).max()
    agreement = fidelity(one, pairs + turned, found, prompts=14).agreement
    assert agreement["mlps"].verdict == agreement["heads"].verdict == "enough"
    items = [pair.clean for pair in pairs]
    assert (attribute(one, items).direction == 1).all()


def test_caller_in_no_grad_mode_gets_gradients_all_the_same() -> None:
    pairs = token_pairs(single=True)[:2]
    one = checkpoint(tiny_gpt2(layers=2))
    with torch.no_grad():
        inside = attribute(one, pairs, method="ig")
    assert np.array_equal(inside.heads, attribute(one, pairs, method="ig").heads)


def test_wrong_input_is_named() -> None:
    pairs = token_pairs(single=True)[:2]
    items = [pair.clean for pair in pairs]
    one = checkpoint(tiny_gpt2(layers=1))
    for given, options, message in (
        ([], {}, "no usable"),
        (pairs, {"method": "lime"}, "method: no 'lime'"),
        (pairs, {"baseline": "noise"}, "baseline: no 'noise'"),
        (items, {"baseline": "twin"}, "twin needs pairs"),
        (pairs, {"method": "grad_x_act", "baseline": "twin"}, "grad_x_act has zero"),
        (pairs, {"ig_steps": 0}, "ig_steps: 0 is too few"),
        (pairs, {"rows": 0}, "rows: 0 is too few"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            attribute(one, given, **options)
        assert "\n" not in str(caught.value) and ";" in str(caught.value)
    with pytest.raises(InputError, match="not the items that were scored"):
        fidelity(one, pairs[:1], attribute(one, pairs))
