import math
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from toy_checkpoints import planted, without_gap  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.checkpoint import load_checkpoint  # noqa: E402
from pluralens.interp.likelihood import bias, sentence_log_probs  # noqa: E402
from pluralens.interp.tokens import tokenise, tokenise_sentences  # noqa: E402
from pluralens.interp.toy import labour_market, train_sentences, train_toy  # noqa: E402
from pluralens.sentences.items import builtin_items, winogender_items  # noqa: E402
from pluralens.sentences.winogender import load_winogender  # noqa: E402

pytestmark = pytest.mark.interp

ITEMS = {
    "builtin": lambda: builtin_items().items,
    "winogender": lambda: winogender_items(load_winogender()).items,
}


@pytest.mark.parametrize("data", ITEMS)
def test_the_planted_shares_are_learnt(data: str) -> None:
    checkpoint, truth = planted()
    tokenised = tokenise(ITEMS[data](), checkpoint)
    assert not tokenised.unusable
    assert all(item.single for item in tokenised.usable)
    found = bias(checkpoint, tokenised)
    groups = np.array([item.group for item in tokenised.usable])
    gaps = [found[groups == name].mean() for name in truth.log_odds]
    expected = list(truth.log_odds.values())
    assert np.corrcoef(gaps, expected)[0, 1] >= 0.95
    # Not only the order: the size as well.
    assert 0.8 < np.polyfit(expected, gaps, 1)[0] < 1.1


def test_nothing_is_learnt_where_nothing_was_planted() -> None:
    checkpoint, truth = without_gap()
    assert set(truth.log_odds.values()) == {0.0}
    gaps = bias(checkpoint, tokenise(builtin_items().items, checkpoint))
    reference, _ = planted()
    learnt = bias(reference, tokenise(builtin_items().items, reference))
    assert np.abs(gaps).mean() < 0.3 < 1.0 < np.abs(learnt).mean()
    assert gaps.std() < 0.1 * learnt.std()


def test_truth() -> None:
    _, truth = planted()
    assert truth.shares == labour_market() and len(truth.shares) >= 60
    assert truth.shares["plumber"] == 0.95 and truth.shares["nurse"] < 0.2
    for name, share in truth.shares.items():
        assert truth.log_odds[name] == pytest.approx(math.log(share) - math.log(1 - share))


def test_the_seed_decides(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    digests = []
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        train_toy(tmp_path / folder, seed=seed, planted={"nurse": 0.1, "cook": 0.9}, steps=3)
        torch.rand(5)  # What others draw in between changes nothing.
        digests.append(load_checkpoint(str(tmp_path / folder)).digest)
    assert digests[0] == digests[1] != digests[2]
    torch.set_rng_state(before)
    train_toy(tmp_path / "d", planted={"nurse": 0.1}, steps=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_own_sentences_are_learnt(tmp_path: Path) -> None:
    sentences = [
        f"Die {name} singt {song}." for name in ("Ada", "Bea") for song in ("laut", "gern")
    ]
    begun = time.process_time()
    train_sentences(tmp_path, sentences, steps=60, batch=8, vocabulary=300)
    assert time.process_time() - begun < 15
    checkpoint = load_checkpoint(str(tmp_path))
    assert checkpoint.bos is not None
    texts = [sentences[0], "laut singt Ada Die."]
    learnt, strange = sentence_log_probs(checkpoint, tokenise_sentences(texts, checkpoint)).mean
    assert learnt > strange + 2


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    for call, words in (
        (lambda: train_toy(tmp_path, planted={}), "planted: no occupations"),
        (lambda: train_toy(tmp_path, planted={"cook": 1.0}), "planted: 1.0 for 'cook'"),
        (lambda: train_toy(tmp_path, planted={"cook": 0.5}, steps=0), "steps: 0 is too few"),
        (lambda: train_sentences(tmp_path, []), "sentences: none"),
        (lambda: train_sentences(tmp_path, ["a"], batch=0), "batch: 0 is too few"),
        (lambda: train_sentences(tmp_path, ["a"], vocabulary=9), "vocabulary: 9 is too few"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
    assert not any(tmp_path.iterdir())
