"""Logit lens and direct logit attribution against Hugging Face, component by component."""

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
from pluralens.interp.lens import direct_attribution, logit_lens  # noqa: E402
from pluralens.interp.likelihood import bias  # noqa: E402
from pluralens.interp.tokens import TokenItem  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {
    "gpt2": tiny_gpt2,
    "untied": lambda: tiny_gpt2(tie_word_embeddings=False),
    "gpt-neo": tiny_gpt_neo,
}


def items(*, single: bool) -> list[TokenItem]:
    return [pair.clean for pair in token_pairs(single=single)]


@pytest.mark.parametrize("name", MODELS)
def test_contributions_sum_to_the_logit_gap(name: str) -> None:
    model, used = MODELS[name](), items(single=True)
    found = direct_attribution(adopt(model, tiny_tokenizer(), name="t"), used, rows=30)
    for k, item in enumerate(used):
        with torch.no_grad():
            logits = model(torch.tensor([item.prefix])).logits[0, -1]
        gap = float(logits[item.a[0][0]] - logits[item.b[0][0]])
        assert abs(found.gap[k] - gap) < 1e-5 and abs(found.total[k] - gap) < 1e-4
    assert found.worst < 1e-4 and not found.refused
    assert found.ids == tuple(item.id for item in used)


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_every_component_has_what_it_writes(name: str) -> None:
    """One item by hand, in float64: a sum can be right although its parts are not."""
    model, item = MODELS[name](), items(single=True)[1]
    found = direct_attribution(adopt(model, tiny_tokenizer(), name="t"), [item])
    body = model.transformer
    with torch.no_grad():
        hidden = model(torch.tensor([item.prefix]), output_hidden_states=True).hidden_states
        stream = slow.taken(model, item.prefix, "resid_post", len(body.h) - 1)[-1].double()
        scale = torch.sqrt(stream.var(unbiased=False) + body.ln_f.eps)
        weight = model.lm_head.weight.double()
        toward = weight[item.a[0][0]] - weight[item.b[0][0]]

        def adds(written: torch.Tensor) -> float:
            written = written.double()
            normed = (written - written.mean()) / scale * body.ln_f.weight
            return float(normed @ toward)

        assert abs(found.embedding[0] - adds(hidden[0][0, -1])) < 1e-5
        assert abs(found.norm_bias[0] - float(body.ln_f.bias.double() @ toward)) < 1e-5
        for layer, block in enumerate(body.h):
            out = getattr(block.attn, "c_proj", None)
            # Conv1D keeps [in, out], nn.Linear [out, in].
            w = out.weight if out is not None else block.attn.attention.out_proj.weight.T
            b = out.bias if out is not None else block.attn.attention.out_proj.bias
            z = slow.taken(model, item.prefix, "z", layer)[-1]
            mlp = slow.taken(model, item.prefix, "mlp_out", layer)[-1]
            assert abs(found.mlps[layer, 0] - adds(mlp)) < 1e-5
            assert abs(found.attention_bias[layer, 0] - adds(b)) < 1e-5
            for head in range(4):
                rows = slice(8 * head, 8 * (head + 1))
                assert abs(found.heads[layer, head, 0] - adds(z[rows] @ w[rows])) < 1e-5


def test_what_is_not_linear_is_refused_with_the_reason() -> None:
    one = adopt(tiny_gpt2(layers=1), tiny_tokenizer(), name="t")
    prefix = (0, 5, 6)
    good = TokenItem("good", "g", prefix, ((7,),), ((8,),))
    long = TokenItem("long", "g", prefix, ((7, 9),), ((8,),))
    many = TokenItem("many", "g", prefix, ((7,), (9,)), ((8,),))
    found = direct_attribution(one, [long, good, many])
    assert found.ids == ("good",) and found.heads.shape[-1] == 1
    assert set(found.refused) == {"long", "many"}
    assert "several tokens" in found.refused["long"]
    assert "several targets" in found.refused["many"]
    with pytest.raises(InputError, match="no item has a logit gap") as caught:
        direct_attribution(one, [long])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
def test_lens_reads_every_layer(name: str) -> None:
    model, used = MODELS[name](), items(single=True)
    one = adopt(model, tiny_tokenizer(), name="t")
    found = logit_lens(one, used, rows=30)
    assert found.bias.shape == (len(model.transformer.h) + 1, len(used))
    for k, item in enumerate(used):
        with torch.no_grad():
            hidden = model(torch.tensor([item.prefix]), output_hidden_states=True).hidden_states
            for layer, stream in enumerate(hidden[:-1]):
                logits = model.lm_head(model.transformer.ln_f(stream[0, -1]))
                gap = float(logits[item.a[0][0]] - logits[item.b[0][0]])
                assert abs(found.bias[layer, k] - gap) < 2e-5


def test_lens_ends_at_the_metric_for_any_targets() -> None:
    one, used = adopt(tiny_gpt_neo(), tiny_tokenizer(), name="t"), items(single=False)
    found = logit_lens(one, used)
    assert np.abs(found.bias[-1] - bias(one, used)).max() < 2e-5
    assert np.abs(found.bias[0] - found.bias[-1]).max() > 0.05


def test_other_architectures_are_refused() -> None:
    one = adopt(tiny_qwen2(), tiny_tokenizer(), name="t")
    for read in (logit_lens, direct_attribution):
        with pytest.raises(InputError, match="not qwen2"):
            read(one, items(single=True))
        with pytest.raises(InputError, match="no usable items"):
            read(one, [])


def test_sixteen_bits_do_not_add_up() -> None:
    one = adopt(tiny_gpt2(layers=1).to(torch.bfloat16), tiny_tokenizer(), name="t")
    with pytest.raises(InputError, match="dtype=float32"):
        direct_attribution(one, items(single=True))
