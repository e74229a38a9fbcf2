from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import PredefinedSplit, cross_val_predict  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from toy_checkpoints import planted  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.probe_texts import ProbeText, occupation_texts, pair_texts  # noqa: E402
from pluralens.interp.probes import (  # noqa: E402
    grouped_folds,
    out_of_fold,
    probe,
    shuffle_labels,
)
from pluralens.interp.random_twin import random_twin  # noqa: E402
from pluralens.interp.residuals import residual_stream, text_tokens  # noqa: E402
from pluralens.sentences.items import builtin_items, stereoset_items  # noqa: E402
from pluralens.sentences.stereoset import load_stereoset  # noqa: E402

pytestmark = pytest.mark.interp


def twins() -> list[ProbeText]:
    """Stereotype and anti-stereotype of the built-in triplets: alike but for a word."""
    return pair_texts(stereoset_items(load_stereoset("builtin")).items)


def labelled(texts: list[ProbeText]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t.label for t in texts]), np.array([t.group for t in texts])


def test_folds_keep_twins_together() -> None:
    labels, groups = labelled(twins())
    for seed in range(5):
        fold = grouped_folds(labels, groups, folds=5, seed=seed)
        assert set(fold) == set(range(5))
        for group in set(groups):
            assert len(set(fold[groups == group])) == 1
        for one in range(5):
            assert labels[fold == one].mean() == 0.5
    assert (fold == grouped_folds(labels, groups, folds=5, seed=4)).all()
    assert (fold != grouped_folds(labels, groups, folds=5, seed=3)).any()


def test_a_random_split_of_rows_puts_a_random_network_below_chance() -> None:
    """Twins on both sides: their activations are alike, their labels opposite."""
    network, texts = random_twin(planted()[0]), twins()
    labels, groups = labelled(texts)
    tokens = text_tokens(texts, network)
    stream = residual_stream(network, tokens, places=("mean",)).values["mean"]
    rows, by_group = [], []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(texts))
        row_split = np.empty(len(texts), dtype=np.int64)
        row_split[order] = np.arange(len(texts)) % 5
        kept = grouped_folds(labels, groups, seed=seed)
        for layer in stream:
            rows.append((out_of_fold(layer, labels, row_split)[0] == labels).mean())
            by_group.append((out_of_fold(layer, labels, kept)[0] == labels).mean())
    assert np.mean(rows) < 0.35 and max(rows) < 0.45
    assert 0.45 < np.mean(by_group) < 0.55


def test_predictions_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    features, groups = rng.normal(3.0, 2.0, (80, 6)), np.arange(80) // 4
    labels = features[:, 0] + rng.normal(0, 1, 80) > 3.0
    fold = grouped_folds(labels, groups, folds=4)
    said, scores = out_of_fold(features, labels, fold, 0.5)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
    split = PredefinedSplit(fold)
    np.testing.assert_array_equal(said, cross_val_predict(model, features, labels, cv=split))
    expected = cross_val_predict(model, features, labels, cv=split, method="decision_function")
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_a_training_set_of_one_label_says_that_label() -> None:
    labels, fold = np.array([True, True, True, False]), np.array([0, 0, 1, 1])
    said, scores = out_of_fold(np.eye(4), labels, fold)
    assert said[2:].tolist() == [True, True] and scores[2:].tolist() == [0.0, 0.0]


def test_shuffled_labels_hang_together_as_the_real_ones() -> None:
    groups = np.array([*"aabbccdd", *"eeeeff", *"ggg"])
    labels = np.array([1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0], dtype=bool)
    seen = set()
    for draw in range(40):
        shuffled = shuffle_labels(labels, groups, 0, draw)
        seen.add(tuple(shuffled))
        of_one = [set(shuffled[groups == g]) for g in "abcd"]
        assert all(len(one) == 1 for one in of_one) and sum(one == {True} for one in of_one) == 2
        for group in "ef":
            rows = groups == group
            assert (shuffled[rows] == labels[rows]).all() or (shuffled[rows] != labels[rows]).all()
        assert shuffled[groups == "g"].sum() == 1
        assert (shuffled == shuffle_labels(labels, groups, 0, draw)).all()
    assert len(seen) > 20
    assert (labels == np.array([1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0])).all()


def test_what_a_model_associates_with_occupations_is_found() -> None:
    checkpoint, _ = planted()
    seen: list[tuple[int, int]] = []
    found = probe(
        checkpoint,
        occupation_texts(builtin_items().items)[::2],
        shuffles=4,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert found.accuracy.shape == found.auc_low.shape == found.gain.shape == (3, 3)
    assert seen[-1] == (54, 54) and len(seen) == 54
    last, target = (found.places.index(place) for place in ("last", "target"))
    # Learnt at the occupation's own embedding, and carried to where the pronoun comes.
    for layer, place in ((0, target), (2, last)):
        assert found.accuracy[layer, place] > max(0.8, found.chance_high[layer, place])
        assert found.auc_low[layer, place] > 0.8 and found.gain_low[layer, place] > 0.1
        assert found.selectivity[layer, place] > 0.2
    # The last word's embedding does not know the occupation.
    assert found.accuracy_low[0, last] < 0.6
    assert (found.accuracy_low <= found.accuracy).all()
    np.testing.assert_allclose(found.accuracy - found.random_accuracy, found.gain)
    assert 0.5 <= found.majority < 0.55 and found.about["groups"] == 64


def test_shuffled_labels_stay_inside_their_chance_band() -> None:
    texts = occupation_texts(builtin_items().items)[::4]
    labels, groups = labelled(texts)
    inside = []
    for draw in (100, 101):
        wrong = shuffle_labels(labels, groups, 0, draw)
        renamed = [replace(t, label=bool(w)) for t, w in zip(texts, wrong, strict=True)]
        found = probe(
            planted()[0], renamed, shuffles=6, random_control=False, places=("last", "target")
        )
        inside.append((found.chance_low <= found.accuracy) & (found.accuracy <= found.chance_high))
        assert np.isnan(found.gain).all() and np.isnan(found.random_accuracy).all()
    assert np.mean(inside) > 0.85


def test_a_random_twin_has_the_form_and_nothing_else() -> None:
    checkpoint, _ = planted()
    state = torch.get_rng_state()
    one, again, other = (random_twin(checkpoint, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.digest == again.digest != other.digest != checkpoint.digest
    assert (one.bos, one.dtype, one.device) == (checkpoint.bos, checkpoint.dtype, checkpoint.device)
    assert one.model.config.n_layer == checkpoint.model.config.n_layer


def test_wrong_input_is_one_line() -> None:
    checkpoint, texts = planted()[0], twins()
    few = [text for text in texts if text.group in {texts[0].group, texts[-1].group}]
    one_label = [replace(text, label=True) for text in texts]
    for call, words in (
        (lambda: probe(checkpoint, few), "2 groups are too few for 5 folds; give more data, or f"),
        (lambda: probe(checkpoint, few[:2]), "1 groups are too few for 5 folds; give more data"),
        (lambda: probe(checkpoint, one_label), "the label False is in fewer than two groups"),
        (lambda: probe(checkpoint, texts, folds=1), "folds: 1 is too few"),
        (lambda: probe(checkpoint, texts, shuffles=1), "shuffles: 1 are too few"),
        (lambda: probe(checkpoint, []), "no usable texts"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
