"""Several heads at once against nested hooks, one sequence at a time."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import brute_force_ablation as slow  # noqa: E402
from tiny_language_models import (  # noqa: E402
    CONTEXT,
    VOCABULARY,
    tiny_gpt2,
    tiny_gpt_neo,
    tiny_tokenizer,
)
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig  # noqa: E402
from transformers import LlamaForCausalLM as Llama  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.joint_ablation import ablate_together  # noqa: E402
from pluralens.interp.tokens import TokenItem, tokenise_sentences  # noqa: E402

pytestmark = pytest.mark.interp

SETS = [[(0, 1)], [(0, 0), (1, 3), (2, 2)], [(1, 0), (1, 1), (1, 2), (1, 3)], []]
TEXTS = ["The nurse told the customer that he could pay.", "", "The chess player was kind"]


def items() -> list[TokenItem]:
    """Unequal lengths, shared beginnings, targets of one token and of several."""
    rng = np.random.default_rng(0)
    trunk = (0, *map(int, rng.integers(1, VOCABULARY, 4)))
    prefixes = [trunk, (*trunk, 7, 8, 9), (*trunk, 7, 9), (0, 5), trunk]
    return [
        TokenItem(f"i{k}", f"g{k % 2}", prefix, ((7,), (11, 12 + k))[: 1 + k % 2], ((8, 9 + k),))
        for k, prefix in enumerate(prefixes)
    ]


def nested(model: Any, values: slow.Values, index: int, heads: list[tuple[int, int]]) -> ExitStack:
    stack = ExitStack()
    for layer, head in heads:
        z, _ = values(index, layer)
        stack.enter_context(slow.head_replaced(model, layer, head, z[:, head]))
    return stack


@pytest.mark.parametrize("fast", [True, False], ids=["engine", "hooks"])
@pytest.mark.parametrize("mode", ["mean", "zero"])
@pytest.mark.parametrize("build", [tiny_gpt2, tiny_gpt_neo])
def test_sets_equal_nested_hooks(build: Any, mode: str, fast: bool) -> None:
    model = build()
    checkpoint = adopt(model, tiny_tokenizer(), name="t")
    sentences = tokenise_sentences(TEXTS, checkpoint)
    found = ablate_together(
        checkpoint, items(), SETS, sentences=sentences, mode=mode, rows=40, fast=fast
    )
    plain = [(item.prefix, item.a, item.b) for item in items()]
    # Long enough for the sentences, too.
    padded = [*plain, (plain[0][0], [(1,) * 40], [(1,)])]
    if mode == "mean":
        means = slow.means(model, plain)

        def values(index: int, layer: int) -> Any:
            return tuple(torch.cat([t, t[-1:].expand(40, *t.shape[1:])]) for t in means(0, layer))
    else:
        values = slow.zeros(model, padded)
    for row, heads in enumerate(SETS):
        for index, item in enumerate(plain):
            with nested(model, values, index, heads):
                assert found.bias[row, index] == pytest.approx(slow.bias(model, item), abs=2e-5)
        for place, tokens in enumerate(sentences.tokens):
            if tokens is None:
                assert np.isnan(found.log_probs[row, place]) and found.tokens[place] == 0
                continue
            with nested(model, values, 0, heads), torch.no_grad():
                logs = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
            scored = [float(logs[p, t]) for p, t in enumerate(tokens[1:])]
            assert found.log_probs[row, place] == pytest.approx(np.mean(scored), abs=2e-5)
    np.testing.assert_allclose(found.bias[-1], found.clean, atol=1e-6)
    np.testing.assert_allclose(found.log_probs[-1], found.clean_log_probs, atol=1e-6)
    # Something happens, and not what the single effects sum to.
    singles = scan(checkpoint, items(), mode=mode).heads
    summed = sum(singles[layer, head] for layer, head in SETS[1])
    assert np.abs(found.bias[1] - found.clean).max() > 0.05
    assert np.abs(found.bias[1] - found.clean - summed).max() > 0.01


def test_a_set_of_one_is_the_scan() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    every = [[(layer, head)] for layer in range(3) for head in range(4)]
    found = ablate_together(checkpoint, items(), every)
    expected = scan(checkpoint, items(), mode="mean")
    effects = (found.bias - found.clean).reshape(3, 4, -1)
    np.testing.assert_allclose(effects, expected.heads, atol=1e-5)
    assert (found.ids, found.groups) == (expected.ids, expected.groups)


def test_other_architectures_have_hooks() -> None:
    torch.manual_seed(0)
    shape = dict(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
    )
    llama = Llama(LlamaConfig(**shape, num_key_value_heads=2, initializer_range=0.2))
    neox = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, initializer_range=0.2))
    for model, weights in (
        (llama, [block.self_attn.o_proj.weight for block in llama.model.layers]),
        (neox, [block.attention.dense.weight for block in neox.gpt_neox.layers]),
    ):
        checkpoint = adopt(model, tiny_tokenizer(), name="t")
        found = ablate_together(checkpoint, items(), SETS, mode="zero")
        # A head of zeros is one whose columns of W_O are zeros.
        with torch.no_grad():
            kept = [weight.clone() for weight in weights]
            for layer, head in SETS[1]:
                weights[layer][:, head * 8 : (head + 1) * 8] = 0
            expected = [slow.bias(model, (item.prefix, item.a, item.b)) for item in items()]
            for weight, one in zip(weights, kept, strict=True):
                weight.copy_(one)
        np.testing.assert_allclose(found.bias[1], expected, atol=2e-5)
        assert np.abs(found.bias[1] - found.clean).max() > 0.01


def test_the_number_of_rows_changes_nothing_and_progress_ends() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    whole = ablate_together(checkpoint, items(), SETS, rows=5000)
    seen: list[tuple[int, int]] = []
    parts = ablate_together(
        checkpoint, items(), SETS, rows=1, progress=lambda done, total: seen.append((done, total))
    )
    np.testing.assert_allclose(parts.bias, whole.bias, atol=1e-5)
    assert seen[-1][0] == seen[-1][1] and len(seen) > 3


def test_the_model_is_left_as_it_was() -> None:
    model = tiny_gpt2()
    before = model(torch.tensor([[0, 5, 6]])).logits
    for fast in (True, False):
        ablate_together(adopt(model, tiny_tokenizer(), name="t"), items(), SETS, fast=fast)
    assert torch.equal(model(torch.tensor([[0, 5, 6]])).logits, before)


def test_wrong_input_is_one_line() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    for call, words in (
        (lambda: ablate_together(checkpoint, [], SETS), "no usable items"),
        (lambda: ablate_together(checkpoint, items(), SETS, mode="resample"), "no 'resample'"),
        (lambda: ablate_together(checkpoint, items(), [[(3, 0)]]), "no head 0 in layer 3"),
        (lambda: ablate_together(checkpoint, items(), [[(0, -1)]]), "no head -1 in layer 0"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
