"""Batched likelihoods against a loop over single sentences through the Hugging Face model."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import tiny_gpt2, tiny_gpt_neo, tiny_qwen2, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.likelihood import (  # noqa: E402
    bias,
    sentence_log_probs,
    sequence_log_probs,
    target_log_probs,
)
from pluralens.interp.tokens import TokenItem, tokenise_sentences  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {"gpt2": tiny_gpt2, "gpt-neo": tiny_gpt_neo, "qwen2": tiny_qwen2}
TEXTS = [
    "The nurse told the customer that he could pay with cash.",
    "The nurse told the customer that she could pay with cash.",
    "The nurse told",
    "Ethiopian men are skinny",
    "Ethiopian men are floating",
    "",
    "My neighbour is a computer programmer. " * 2,
    "Zürich is kind",
    "The nurse told the customer that he could pay with cash.",
]


def one_by_one(model, tokens: tuple[int, ...], start: int) -> float:
    with torch.no_grad():
        logs = model(torch.tensor([tokens])).logits[0].double().log_softmax(-1)
    return float(sum(logs[place - 1, tokens[place]] for place in range(start, len(tokens))))


@pytest.mark.parametrize("rows", ["auto", 1, 30])
@pytest.mark.parametrize("bos", [True, False], ids=["bos", "no-bos"])
@pytest.mark.parametrize("name", MODELS)
def test_sentences_equal_a_loop(name: str, bos: bool, rows: int | str) -> None:
    model = MODELS[name]()
    checkpoint = adopt(model, tiny_tokenizer(bos=bos), name="t")
    sentences = tokenise_sentences(TEXTS, checkpoint)
    scores = sentence_log_probs(checkpoint, sentences, rows=rows)
    assert list(sentences.unusable) == [5] and "empty" in sentences.unusable[5]
    assert np.isnan(scores.total[5]) and np.isnan(scores.mean[5]) and scores.tokens[5] == 0
    for place, tokens in enumerate(sentences.tokens):
        if tokens is None:
            continue
        assert (tokens[0] == 0) == bos
        expected = one_by_one(model, tokens, 1)
        assert scores.tokens[place] == len(tokens) - 1
        assert scores.total[place] == pytest.approx(expected, abs=1e-4)
        assert scores.mean[place] == pytest.approx(expected / (len(tokens) - 1), abs=1e-5)
    assert scores.total[0] == scores.total[8] != scores.total[1]


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_both_ways_agree(name: str) -> None:
    checkpoint = adopt(MODELS[name](), tiny_tokenizer(), name="t")
    rng = np.random.default_rng(0)
    sequences = [tuple(int(t) for t in rng.integers(0, 400, n)) for n in (2, 3, 9, 9, 30, 60)]
    sequences += [sequences[4][:20], (*sequences[4][:20], 5, 6)]
    starts = [1, 2, 4, 1, 29, 30, 7, 20]
    fast = sequence_log_probs(checkpoint, sequences, starts, fast=True)
    padded = sequence_log_probs(checkpoint, sequences, starts, fast=False, rows=70)
    assert np.abs(fast - padded).max() < 1e-4
    expected = [one_by_one(checkpoint.model, t, s) for t, s in zip(sequences, starts, strict=True)]
    assert np.abs(fast - expected).max() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_targets_are_next_tokens_or_all_their_tokens(name: str) -> None:
    model = MODELS[name]()
    checkpoint = adopt(model, tiny_tokenizer(), name="t")
    items = [
        TokenItem("one", "g", (0, 5, 6), ((7,), (8,)), ((9,),)),
        TokenItem("several", "g", (0, 5), ((7, 8, 9), (7,)), ((10, 11), (12,), (7, 8))),
    ]
    scores = target_log_probs(checkpoint, items)
    with torch.no_grad():
        after = model(torch.tensor([[0, 5, 6]])).logits[0, -1].double().log_softmax(-1)
    assert scores.a[0] == pytest.approx(after[[7, 8]].numpy(), abs=1e-5)
    assert scores.b[0] == pytest.approx(after[[9]].numpy(), abs=1e-5)
    assert scores.b[1] == pytest.approx(
        [one_by_one(model, (0, 5, *target), 2) for target in items[1].b], abs=1e-4
    )
    sides = [np.logaddexp.reduce(side[1]) for side in (scores.a, scores.b)]
    assert bias(checkpoint, items)[1] == pytest.approx(sides[0] - sides[1], abs=1e-6)


def test_all_continuations_of_a_prefix_have_probability_one() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    item = TokenItem("all", "g", (0, 5, 6), tuple((t,) for t in range(399)), ((399,),))
    scores = target_log_probs(checkpoint, [item])
    assert np.exp(np.concatenate([scores.a[0], scores.b[0]])).sum() == pytest.approx(1, abs=1e-5)


def test_progress_and_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    sentences = tokenise_sentences(TEXTS, checkpoint)
    seen: list[tuple[int, int]] = []
    sentence_log_probs(
        checkpoint, sentences, rows=10, progress=lambda done, total: seen.append((done, total))
    )
    assert len(seen) > 2 and seen[-1][0] == seen[-1][1]
    for fast in (True, False):
        with pytest.raises(InputError, match="rows: 0 is too few"):
            sequence_log_probs(checkpoint, [(0, 1)], [1], rows=0, fast=fast)
    with pytest.raises(ValueError, match="start"):
        sequence_log_probs(checkpoint, [(0, 1)], [0])

    def fails(*args: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(checkpoint.model, "forward", fails)
    with pytest.raises(InputError, match="out of memory with rows=1024; try rows=256"):
        sequence_log_probs(checkpoint, [(0, 1)], [1], fast=False)
