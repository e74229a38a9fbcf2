import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pluralens.errors import InputError
from pluralens.stats.grouped_auc import grouped_auc


def study(rng: np.random.Generator, n_groups: int = 40, gap: float = 1.0) -> tuple:
    """Groups of four rows, two of each label, with a deviation in common."""
    labels = np.tile([True, True, False, False], n_groups)
    groups = np.repeat(np.arange(n_groups), 4)
    scores = gap * labels + rng.normal(0, 1, labels.size) + rng.normal(0, 0.5, n_groups)[groups]
    return scores, labels, groups


def test_one_fold_is_the_usual_area_with_ties() -> None:
    scores, labels, groups = study(np.random.default_rng(0))
    both = np.stack([scores, scores.round()], axis=1)
    found = grouped_auc(both, labels, groups, np.zeros(160), n_bootstrap=200)
    expected = [roc_auc_score(labels, column) for column in both.T]
    np.testing.assert_allclose(found.auc, expected)
    assert (found.low < found.auc).all() and (found.auc < found.high).all()


def test_folds_with_other_intercepts_are_not_compared() -> None:
    scores, labels, groups = study(np.random.default_rng(0))
    folds = groups % 4
    found = grouped_auc(scores + 100 * folds, labels, groups, folds, n_bootstrap=0)
    within = [roc_auc_score(labels[folds == f], scores[folds == f]) for f in range(4)]
    assert found.auc[0] == pytest.approx(np.mean(within))
    assert roc_auc_score(labels, scores + 100 * folds) < found.auc[0] - 0.1
    assert np.isnan(found.low[0])


def test_a_fold_of_one_label_takes_no_part() -> None:
    scores, labels, groups = study(np.random.default_rng(0))
    folds = groups % 2
    labels[folds == 1] = True
    found = grouped_auc(scores, labels, groups, folds, n_bootstrap=50)
    rows = folds == 0
    assert found.auc[0] == pytest.approx(roc_auc_score(labels[rows], scores[rows]))
    alone = grouped_auc(scores, np.ones(160, bool), groups, folds, n_bootstrap=50)
    assert np.isnan([*alone.auc, *alone.low, *alone.high]).all()


def test_the_interval_covers() -> None:
    rng = np.random.default_rng(1)
    truth = grouped_auc(*study(rng, 4000), np.arange(16000) // 4 % 40, n_bootstrap=0).auc[0]
    covered = 0
    for draw in range(200):
        found = grouped_auc(*study(rng, 40), np.zeros(160), n_bootstrap=200, seed=draw)
        covered += bool(found.low[0] <= truth <= found.high[0])
    assert 180 <= covered <= 198


def test_wrong_options() -> None:
    scores, labels, groups = study(np.random.default_rng(0))
    with pytest.raises(InputError, match="level: 2"):
        grouped_auc(scores, labels, groups, groups, level=2)
    with pytest.raises(InputError, match="n_bootstrap: -1 is too few"):
        grouped_auc(scores, labels, groups, groups, n_bootstrap=-1)
