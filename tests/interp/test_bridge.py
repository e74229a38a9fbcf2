"""Other architectures through TransformerLens's Bridge, against hooks on the model itself."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformer_lens")

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import brute_force_ablation as slow  # noqa: E402
from brute_force_patching import like_gpt2  # noqa: E402
from minimal_pairs import token_pairs  # noqa: E402
from tiny_language_models import tiny_gpt2, tiny_qwen2, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.bridge import bridge  # noqa: E402
from pluralens.interp.bridge_scan import bridge_scan  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.replacement import resample_partners  # noqa: E402
from pluralens.interp.tokens import TokenItem  # noqa: E402

pytestmark = pytest.mark.interp


def tiny_gpt_neox(parallel: bool):
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        use_parallel_residual=parallel,
    )
    model = GPTNeoXForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(6)
    return model


def items(*, single: bool) -> list[TokenItem]:
    found = [pair.clean for pair in token_pairs(single=single)]
    # One prompt is the beginning of another, and one is there twice.
    found.append(TokenItem("start", "g", found[1].prefix[:3], found[1].a, found[1].b))
    return [*found, TokenItem("again", "g", found[2].prefix, found[2].a, found[2].b)]


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
@pytest.mark.parametrize("single", [True, False], ids=["single", "several"])
def test_scan_equals_hooks(single: bool, mode: str) -> None:
    used = items(single=single)
    ours = bridge_scan(
        adopt(tiny_qwen2(), tiny_tokenizer(), name="t"), used, mode=mode, seed=3, rows=200
    )
    model = like_gpt2(tiny_qwen2())
    plain = [(item.prefix, item.a, item.b) for item in used]
    values = {
        "zero": lambda: slow.zeros(model, plain),
        "mean": lambda: slow.means(model, plain),
        "resample": lambda: slow.others(
            model, plain, resample_partners([item.prefix for item in used], 3)
        ),
    }[mode]()
    clean, heads, mlps = slow.brute_force(model, plain, values)
    assert np.abs(ours.clean - clean.numpy()).max() < 1e-5
    assert np.abs(ours.heads - heads.numpy()).max() < 1e-5
    assert np.abs(ours.mlps - mlps.numpy()).max() < 1e-5
    assert np.abs(heads.numpy()).max() > 0.01 and np.isfinite(ours.heads).all()


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_scan_equals_the_fast_engine(mode: str) -> None:
    used, one = items(single=False), adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    fast = scan(one, used, mode=mode, seed=1)
    for rows in (1, 4000):
        slow_way = bridge_scan(one, used, mode=mode, seed=1, rows=rows)
        assert slow_way.ids == fast.ids and slow_way.groups == fast.groups
        assert np.abs(slow_way.heads - fast.heads).max() < 2e-5
        assert np.abs(slow_way.mlps - fast.mlps).max() < 2e-5


@pytest.mark.parametrize("parallel", [True, False], ids=["parallel", "sequential"])
def test_blocks_whose_mlp_runs_beside_attention(parallel: bool) -> None:
    """GPT-NeoX (Pythia): attention and MLP both read what enters the block."""
    from types import SimpleNamespace

    model, used = tiny_gpt_neox(parallel), items(single=False)
    ours = bridge_scan(adopt(model, tiny_tokenizer(), name="t"), used, mode="mean")
    oracle = tiny_gpt_neox(parallel)
    oracle.transformer = SimpleNamespace(
        h=[
            SimpleNamespace(attn=SimpleNamespace(c_proj=layer.attention.dense), mlp=layer.mlp)
            for layer in oracle.gpt_neox.layers
        ]
    )
    plain = [(item.prefix, item.a, item.b) for item in used]
    clean, heads, mlps = slow.brute_force(oracle, plain, slow.means(oracle, plain))
    assert np.abs(ours.clean - clean.numpy()).max() < 1e-5
    assert np.abs(ours.heads - heads.numpy()).max() < 1e-5
    assert np.abs(ours.mlps - mlps.numpy()).max() < 1e-5
    assert np.abs(heads.numpy()).max() > 0.01


def test_the_model_itself_stays_as_it_was() -> None:
    model = tiny_qwen2()
    one = adopt(model, tiny_tokenizer(), name="t")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kinds = [type(module) for module in model.modules()]
    attention = model.config._attn_implementation
    tokens = torch.tensor([[0, 5, 6]])
    with torch.no_grad():
        logits = model(tokens).logits
        bridge_scan(one, items(single=True), mode="zero")
        assert torch.equal(model(tokens).logits, logits)
    assert [type(module) for module in model.modules()] == kinds
    assert model.config._attn_implementation == attention
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_an_architecture_without_a_bridge_is_one_line() -> None:
    from transformers import CTRLConfig, CTRLLMHeadModel

    config = CTRLConfig(vocab_size=40, n_positions=16, n_embd=8, dff=8, n_layer=1, n_head=2)
    one = adopt(CTRLLMHeadModel(config), tiny_tokenizer(), name="t")
    with pytest.raises(InputError, match="TransformerLens cannot hook CTRLLMHeadModel") as caught:
        bridge(one)
    assert "\n" not in str(caught.value)


def test_wrong_input_is_named() -> None:
    one = adopt(tiny_qwen2(), tiny_tokenizer(), name="t")
    used = items(single=True)
    for given, options, message in (
        ([], {}, "no usable items"),
        (used, {"mode": "shuffle"}, "mode: no 'shuffle'"),
        (used, {"rows": 0}, "rows: 0 is too few"),
        (used[:1], {"mode": "resample"}, "at least two different prompts"),
    ):
        with pytest.raises(InputError, match=message):
            bridge_scan(one, given, **options)
