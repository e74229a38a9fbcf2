"""Residual streams against Hugging Face's hidden states, one text at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

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
from pluralens.interp.checkpoint import Checkpoint, adopt  # noqa: E402
from pluralens.interp.probe_texts import occupation_texts, pair_texts  # noqa: E402
from pluralens.interp.residuals import residual_stream, text_tokens  # noqa: E402
from pluralens.sentences.items import builtin_items, stereoset_items  # noqa: E402
from pluralens.sentences.stereoset import load_stereoset  # noqa: E402

pytestmark = pytest.mark.interp


@dataclass(frozen=True)
class Text:
    id: str
    text: str
    target_end: int


TEXTS = [
    Text("long", "The nurse told the customer that he could pay with cash.", 9),
    Text("short", "The engineer", 12),
    Text("same beginning", "The nurse told the patient", 26),
    Text("beginning of another", "The nurse", 9),
    Text("inside a word", "The computer programmer", 16),
    Text("twice", "The nurse", 9),
]


def other_models() -> dict[str, Any]:
    torch.manual_seed(0)
    shape = dict(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
    )
    return {
        "llama": Llama(LlamaConfig(**shape, num_key_value_heads=2)),
        "gpt_neox": GPTNeoXForCausalLM(GPTNeoXConfig(**shape)),
    }


MODELS = {
    "gpt2": lambda: tiny_gpt2(),
    "gpt_neo": lambda: tiny_gpt_neo(),
    "llama": lambda: other_models()["llama"],
    "gpt_neox": lambda: other_models()["gpt_neox"],
}


def one_by_one(checkpoint: Checkpoint, tokens: tuple[int, ...]) -> np.ndarray:
    """`[layers + 1, positions, d]`; the last one from before the final norm."""
    kept = []
    model = checkpoint.model
    blocks = model.transformer.h if hasattr(model, "transformer") else model.base_model.layers
    handle = blocks[-1].register_forward_hook(lambda module, args, out: kept.append(out))
    with torch.no_grad():
        states = model(torch.tensor([tokens]), output_hidden_states=True).hidden_states
    handle.remove()
    last = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
    return torch.cat([*states[:-1], last.reshape(states[0].shape)]).numpy()


@pytest.mark.parametrize("bos", ["always", "never"])
@pytest.mark.parametrize("name", MODELS)
def test_streams_are_those_of_single_texts(name: str, bos: str) -> None:
    checkpoint = adopt(MODELS[name](), tiny_tokenizer(), name="t", bos=bos)
    tokens = text_tokens(TEXTS, checkpoint)
    assert len({len(one) for one in tokens.tokens}) > 3
    for rows in ("auto", 20):
        found = residual_stream(checkpoint, tokens, rows=rows)
        assert found.engine == ("fast" if name.startswith("gpt2") or name == "gpt_neo" else "model")
        for index, one in enumerate(tokens.tokens):
            states = one_by_one(checkpoint, one)
            expected = {
                "last": states[:, -1],
                "target": states[:, tokens.target[index]],
                "mean": states[:, int(bos == "always") :].mean(axis=1),
            }
            for place, values in expected.items():
                np.testing.assert_allclose(found.values[place][:, index], values, atol=2e-5)


def test_targets_end_where_they_should() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    tokens = text_tokens(TEXTS, checkpoint)
    decoded = {
        text.id: checkpoint.tokenizer.decode(one[1 : place + 1])
        for text, one, place in zip(TEXTS, tokens.tokens, tokens.target, strict=True)
    }
    assert decoded["long"] == decoded["twice"] == "The nurse"
    assert decoded["short"] == "The engineer" and decoded["same beginning"] == TEXTS[2].text
    # The end lies inside a token: the token that holds it is taken.
    assert decoded["inside a word"].startswith("The computer prog"[:16])


def test_texts_of_the_built_in_items() -> None:
    items = builtin_items().items
    named = occupation_texts(items)
    assert {text.text[: text.target_end].split("The ")[1] for text in named} == {
        text.group for text in named
    }
    assert len(named) == sum(item.share != 50 for item in items)
    assert all(
        text.label == (item.share < 50)
        for text, item in zip(named, [item for item in items if item.share != 50], strict=True)
    )
    pairs = pair_texts(stereoset_items(load_stereoset("builtin")).items)
    for a, b in zip(pairs[::2], pairs[1::2], strict=True):
        assert (a.label, b.label, a.group) == (True, False, b.group) and a.text != b.text
        assert a.text[a.target_end :] == b.text[b.target_end :]
    assert len({text.id for text in pairs}) == len(pairs)


def test_texts_that_cannot_be_read_are_counted() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    texts = [Text("empty", "", 0), TEXTS[1], Text("long", "he " * 80, 2), Text("start", "he", 0)]
    tokens = text_tokens(texts, checkpoint)
    assert tokens.usable == (1,) and set(tokens.unusable) == {"empty", "long", "start"}
    assert "the model reads 64" in tokens.unusable["long"]


def test_wrong_input_is_one_line() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    tokens = text_tokens(TEXTS, checkpoint)
    for call, words in (
        (lambda: residual_stream(checkpoint, text_tokens([], checkpoint)), "no usable texts"),
        (lambda: residual_stream(checkpoint, tokens, places=("first",)), "position: no 'first'"),
        (lambda: residual_stream(checkpoint, tokens, rows=0), "rows: 0 is too few"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
