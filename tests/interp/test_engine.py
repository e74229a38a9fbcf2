"""The packed forward pass against the Hugging Face model, its gradients included."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import tiny_gpt2, tiny_gpt_neo, tiny_qwen2, tiny_tokenizer  # noqa: E402

from pluralens.interp.architectures import _gelu, has_fast_engine, network  # noqa: E402
from pluralens.interp.bias_metric import pack_items, read_bias  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.engine import (  # noqa: E402
    POINTS,
    forward,
    normalisers,
    resume,
    split_heads_out,
)
from pluralens.interp.packing import pack  # noqa: E402
from pluralens.interp.replacement import resample_replacement, zero_replacement  # noqa: E402
from pluralens.interp.tokens import TokenItem  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {
    "gpt2": tiny_gpt2,
    "untied": lambda: tiny_gpt2(layers=2, tie_word_embeddings=False),
    "gpt-neo": tiny_gpt_neo,
    "wide-window": lambda: tiny_gpt_neo(window=40),
    "window-of-one": lambda: tiny_gpt_neo(window=1),
}


def sequences() -> list[tuple[int, ...]]:
    """From 1 to 30 tokens, with shared beginnings."""
    rng = np.random.default_rng(1)
    trunk = tuple(int(t) for t in rng.integers(0, 400, 12))
    found = [trunk[:k] for k in (1, 3, 12)]
    found += [
        (*trunk[:k], *(int(t) for t in rng.integers(0, 400, n))) for k, n in ((3, 2), (7, 23))
    ]
    return [*found, (9, 9, 9, 9), (9, 9, 8)]


def made(name: str):
    model = MODELS[name]()
    return model, network(adopt(model, tiny_tokenizer(), name="t"))


@pytest.mark.parametrize("apart", [False, True], ids=["shared", "apart"])
@pytest.mark.parametrize("name", MODELS)
def test_forward_equals_hugging_face(name: str, apart: bool) -> None:
    model, net = made(name)
    texts = sequences()
    keys = list(range(len(texts))) if apart else None
    packed = pack(texts, scored=[range(len(t)) for t in texts], apart=keys)
    tokens = sum(map(len, texts))
    assert packed.size == tokens if apart else packed.size < tokens
    run = forward(net, packed)
    logits = run.final[0] @ net.unembed.T
    for text, path in zip(texts, packed.paths, strict=True):
        with torch.no_grad():
            theirs = model(torch.tensor([text]), output_hidden_states=True)
        places = [packed.scored_index[node] for node in path]
        assert torch.allclose(logits[places], theirs.logits[0], atol=2e-5)
        norms = normalisers(net, run.final[0, places])
        assert torch.allclose(norms, theirs.logits[0].logsumexp(-1), atol=2e-5)
        for layer, hidden in enumerate(theirs.hidden_states[:-1]):
            assert torch.allclose(run.resid_pre[layer][0, list(path)], hidden[0], atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_resuming_anywhere_gives_the_same_end(name: str) -> None:
    _, net = made(name)
    texts = sequences()
    packed = pack(texts, scored=[[len(t) - 1, len(t) // 2] for t in texts])
    run = forward(net, packed)
    for layer in range(net.layers):
        assert torch.allclose(
            resume(net, packed, run.resid_pre[layer], layer), run.final, atol=1e-5
        )
        part = forward(net, packed, start=run.resid_pre[layer], first=layer, keep=())
        assert torch.allclose(part.final, run.final, atol=1e-6) and part.z == []
    assert torch.allclose(resume(net, packed, run.resid_post[-1], net.layers), run.final, atol=1e-6)


def test_points_fit_together() -> None:
    _, net = made("gpt2")
    run = forward(net, pack(sequences()))
    for layer, block in enumerate(net.blocks):
        z, mid = run.z[layer], run.resid_mid[layer]
        attention_out = split_heads_out(block, z[0]).sum(0) + block.out(torch.zeros(1, net.width))
        assert torch.allclose(run.resid_pre[layer][0] + attention_out, mid[0], atol=1e-5)
        assert torch.allclose(mid + run.mlp_out[layer], run.resid_post[layer], atol=1e-6)


def test_edits_reach_what_follows_and_nothing_else() -> None:
    _, net = made("gpt-neo")
    packed = pack(sequences())
    clean = forward(net, packed)
    seen = []

    def edit(point, layer, value):
        seen.append((point, layer))
        # Two variants from here on: untouched, and head 1 of block 2 removed.
        if (point, layer) == ("z", 2):
            value = torch.cat([value, value])
            value[1, :, 1] = 0
        return value

    run = forward(net, packed, edit=edit)
    assert seen[:6] == [(point, 0) for point in POINTS] + [("resid_pre", 1)]
    assert torch.equal(run.final[0], clean.final[0])
    assert not torch.allclose(run.final[1], clean.final[0], atol=1e-3)
    assert torch.equal(run.resid_pre[2], clean.resid_pre[2])


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_gradients_equal_hugging_face(name: str) -> None:
    """Of the bias metric, at every z and MLP output, for prompts that share a beginning."""
    model, net = made(name)
    items = [
        TokenItem("i", "g", (0, 5, 6, 7, 8, 9, 10), ((7,), (8,)), ((9,),)),
        TokenItem("j", "g", (0, 5, 6), ((11,),), ((12, 13),)),
    ]
    packed, readout = pack_items(items)
    start = net.embed(packed.tokens, packed.positions)[None].requires_grad_()
    run = forward(net, packed, start=start)
    metric = read_bias(net, readout, run.final)[0]
    grads = torch.autograd.grad(metric[0], run.z + run.mlp_out, retain_graph=True)
    assert torch.autograd.grad(metric[1], start)[0].abs().sum() > 0

    kept: list[torch.Tensor] = []
    handles = []
    for block in model.transformer.h:
        attention = getattr(block.attn, "attention", block.attn)
        reader = getattr(attention, "out_proj", None) or attention.c_proj
        handles.append(reader.register_forward_pre_hook(lambda m, a: kept.append(a[0])))
        handles.append(block.mlp.register_forward_hook(lambda m, a, out: kept.append(out)))
    embeddings = model.get_input_embeddings()(torch.tensor([items[0].prefix])).requires_grad_()
    last = model(inputs_embeds=embeddings).logits[0, -1]
    theirs = torch.autograd.grad(last[[7, 8]].logsumexp(0) - last[9], kept)
    for handle in handles:
        handle.remove()
    path = list(packed.prefixes[0])
    for layer in range(net.layers):
        z, mlp = grads[layer][0, path].flatten(1), grads[net.layers + layer][0, path]
        assert torch.allclose(z, theirs[2 * layer][0], atol=2e-5)
        assert torch.allclose(mlp, theirs[2 * layer + 1][0], atol=2e-5)
    assert max(g.abs().max() for g in theirs) > 1e-3


def test_gelu_is_the_tanh_approximation() -> None:
    """From where it is zero to where it is the identity, and with a graph as without."""
    x = torch.cat([torch.linspace(-12, 12, 4001), torch.tensor([-1e30, 0.0, 1e30])])
    exact = torch.nn.functional.gelu(x.double(), approximate="tanh")
    found = _gelu(x)
    assert torch.isfinite(found).all()
    assert ((found - exact).abs() <= 2e-7 * (1 + exact.abs())).all()
    assert torch.allclose(_gelu(x.clone().requires_grad_()), found, atol=1e-6)


def test_weights_are_shared_not_copied() -> None:
    model, net = made("gpt2")
    c_proj = model.transformer.h[0].attn.c_proj.weight
    assert net.blocks[0].head_out.data_ptr() == c_proj.data_ptr()
    assert net.unembed.data_ptr() == model.lm_head.weight.data_ptr()


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_everything_is_made_on_the_network_s_device(name: str) -> None:
    """On a device without data: operations that mix it with the CPU fail there as on a GPU."""
    model = MODELS[name]()
    checkpoint = adopt(model, tiny_tokenizer(), name="t")
    model.to("meta")
    net = network(checkpoint)
    items = [
        TokenItem("i", "g", tuple(range(20)), ((7,), (8, 9)), ((9,),)),
        TokenItem("j", "g", (0, 5), ((11,),), ((12, 13),)),
    ]
    packed, readout = pack_items(items, device=net.device)
    outputs = [
        zero_replacement(net).values(packed, items)(0),
        resample_replacement(net, items, 0).values(packed, items)(0),
    ]
    run = forward(net, packed)
    results = [read_bias(net, readout, run.final), resume(net, packed, run.resid_pre[1], 1)]
    for tensor in (*outputs[0], *outputs[1], *results, *run.z, *run.mlp_out):
        assert tensor.device.type == "meta"
    assert results[0].shape == (1, 2)


def test_other_architectures_have_no_fast_engine() -> None:
    checkpoint = adopt(tiny_qwen2(), tiny_tokenizer(), name="t")
    assert not has_fast_engine(checkpoint)
    with pytest.raises(ValueError, match="qwen2"):
        network(checkpoint)
    cross = adopt(tiny_gpt2(add_cross_attention=True), tiny_tokenizer(), name="t")
    assert not has_fast_engine(cross)
