import numpy as np
import pytest

torch = pytest.importorskip("torch")

from toy_checkpoints import planted  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.faithfulness import (  # noqa: E402
    Faithfulness,
    faithfulness,
    random_rankings,
    rank_heads,
)
from pluralens.interp.joint_ablation import ablate_together  # noqa: E402
from pluralens.interp.likelihood import sentence_log_probs  # noqa: E402
from pluralens.interp.tokens import Sentences, TokenItem, tokenise, tokenise_sentences  # noqa: E402
from pluralens.sentences.items import builtin_items  # noqa: E402
from pluralens.sentences.occupations import builtin_shares, mirrored  # noqa: E402
from pluralens.stats.component_effects import component_effects, twin_contrasts  # noqa: E402

pytestmark = pytest.mark.interp

ITEMS = builtin_items().items[::2]
SHARES = builtin_shares()


def data() -> tuple[tuple[TokenItem, ...], Sentences]:
    checkpoint, _ = planted()
    texts = [item.prefix + item.targets_a[0] + item.suffix for item in ITEMS[::6]]
    return tokenise(ITEMS, checkpoint).usable, tokenise_sentences(texts, checkpoint)


def contrast(values: np.ndarray) -> np.ndarray:
    groups = [item.group for item in ITEMS]
    return twin_contrasts(values, groups, SHARES, mirrored(SHARES)).values


def of(ranking: list[tuple[int, int]], **options: object) -> Faithfulness:
    items, sentences = data()
    return faithfulness(
        planted()[0], items, ranking, sentences=sentences, contrast=contrast, **options
    )


def test_a_good_ranking_beats_random_heads_and_a_bad_one_does_not() -> None:
    checkpoint, _ = planted()
    effects = component_effects(contrast(scan(checkpoint, data()[0]).heads)).mean
    good = of(rank_heads(effects, "lowest"))
    assert good.ks == (0, 1, 2, 4, 8)
    assert good.advantage[1] > 0 and good.area[0] < good.random_area
    # Without one head less than half of the bias is left; language hardly suffers.
    assert good.bias.mean[1] < good.bias.mean[0] / 2
    assert good.log_prob.mean[1] > good.log_prob.mean[0] - 0.1
    assert good.random_bias.shape == good.random_log_prob.shape == (10, 5)
    bad = of(rank_heads(effects, "highest"))
    assert bad.advantage[2] < 0 < bad.area[0] and bad.area[0] > bad.random_area
    # All heads together: the same whatever the order, and nothing about occupations is left.
    assert bad.bias.mean[-1] == pytest.approx(good.bias.mean[-1], abs=1e-5)
    assert abs(good.bias.mean[-1]) < 0.01 < good.absolute.mean[-1]
    np.testing.assert_allclose(good.random_bias[:, -1], good.bias.mean[-1], atol=1e-5)


def test_curves_are_means_over_joint_ablations() -> None:
    checkpoint, _ = planted()
    items, sentences = data()
    ranking = [(1, 0), (0, 3), (0, 1)]
    found = faithfulness(
        checkpoint, items, ranking, sentences=sentences, ks=[3, 1], random_draws=11, seed=4
    )
    assert found.ks == (0, 1, 3) and found.random_bias.shape == (11, 3)
    random = random_rankings(2, 4, 11, 4)
    sets = [[], ranking[:1], ranking, random[7][:1], random[7][:3]]
    joint = ablate_together(checkpoint, items, sets, sentences=sentences)
    np.testing.assert_allclose(found.bias.mean, joint.bias[:3].mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.absolute.mean, np.abs(joint.bias[:3]).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.random_bias[7, 1:], joint.bias[3:].mean(axis=1), atol=1e-6)
    per_token = np.average(joint.log_probs, axis=1, weights=joint.tokens)
    np.testing.assert_allclose(found.log_prob.mean, per_token[:3], atol=1e-6)
    np.testing.assert_allclose(found.random_log_prob[7, 1:], per_token[3:], atol=1e-6)
    np.testing.assert_allclose(found.perplexity.mean, np.exp(-per_token[:3]), atol=1e-5)
    assert (found.perplexity.low < found.perplexity.mean).all()
    # The area of trapezoids of unequal width: from 0 to 1 head, from 1 to 3 heads.
    clean, one, three = found.bias.mean
    assert found.area[0] == pytest.approx((clean + one) / 2 / 3 + (one + three) / 2 * 2 / 3)
    scores = sentence_log_probs(checkpoint, sentences)
    assert per_token[0] == pytest.approx(scores.total.sum() / scores.tokens.sum(), abs=1e-5)


def test_without_sentences_there_is_no_cost() -> None:
    checkpoint, _ = planted()
    found = faithfulness(checkpoint, data()[0], [(0, 0)])
    assert found.ks == (0, 1) and np.isnan(found.log_prob.mean).all()
    assert np.isnan(found.random_log_prob).all() and np.isfinite(found.bias.low).all()
    assert found.about["units"] == 66 and found.about["sentences"] == 0


def test_rankings() -> None:
    scores = np.array([[0.1, -3.0], [2.0, np.nan]])
    assert rank_heads(scores) == [(0, 1), (1, 0), (0, 0), (1, 1)]
    assert rank_heads(scores, "lowest") == [(0, 1), (0, 0), (1, 0), (1, 1)]
    assert rank_heads(scores, "highest") == [(1, 0), (0, 0), (0, 1), (1, 1)]
    draws = random_rankings(2, 3, 12, 0)
    assert all(sorted(draw) == [(i, j) for i in range(2) for j in range(3)] for draw in draws)
    assert len({tuple(draw) for draw in draws}) > 8 and draws == random_rankings(2, 3, 12, 0)
    assert draws != random_rankings(2, 3, 12, 1) and draws[:5] == random_rankings(2, 3, 5, 0)


def test_wrong_input_is_one_line() -> None:
    for call, words in (
        (lambda: of([]), "ranking: empty"),
        (lambda: of([(0, 1), (0, 1)]), "stands in it twice"),
        (lambda: of([(0, 9)]), "no head 9 in layer 0"),
        (lambda: of([(0, 1)], ks=[2]), "ks: give numbers from 1 to 1"),
        (lambda: of([(0, 1)], ks=[0]), "ks: give numbers from 1 to 1"),
        (lambda: of([(0, 1)], ks=[-1]), "ks: give numbers from 1 to 1"),
        (lambda: of([(0, 1)], random_draws=3), "random_draws: 3 is too few"),
        (lambda: of([(0, 1)], mode="resample"), "no 'resample' for several heads"),
        (lambda: rank_heads(np.ones((1, 1)), "best"), "order: no 'best'"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)
