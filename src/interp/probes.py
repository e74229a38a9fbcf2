"""Linear probes: what can be read from the residual stream, at which layer and which place.

StandardScaler and LogisticRegression from scikit-learn, tested on groups that they were not trained
on. Groups matter: two sentences that differ in one word have almost the same activations and
opposite labels, so a probe that was trained on the one gets the other wrong, and a random split of
rows puts a random network far below chance.

An accuracy says little alone, so three controls stand beside it: the majority, probes trained and
tested on shuffled labels (their spread is the chance band), and probes on a network of the same
configuration with random weights, which shows what the words alone give away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.memory import Rows
from pluralens.interp.probe_texts import ProbeText
from pluralens.interp.random_twin import random_twin
from pluralens.interp.residuals import PLACES, Place, residual_stream, text_tokens
from pluralens.personas.drawing import uniforms
from pluralens.stats.clusters import cluster_sums, estimate_mean, t_interval
from pluralens.stats.grouped_auc import grouped_auc

__all__ = ["ProbeResult", "Progress", "grouped_folds", "out_of_fold", "probe", "shuffle_labels"]

Progress = Callable[[int, int], None]
"""`(done, total)` in probes fitted."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
_Stream = dict[Place, NDArray[np.float32]]


@dataclass(frozen=True)
class ProbeResult:
    """Probes at every layer (0 = embeddings) and place; arrays `[layers + 1, places]`.

    Attributes:
        places: Of the second axis.
        accuracy: Share of texts labelled right, each by probes that saw none of its group.
        accuracy_low: Lower end of its interval (t, over groups).
        accuracy_high: Upper end.
        auc: Area under the ROC curve within folds.
        auc_low: Lower end of its interval (bootstrap over groups).
        auc_high: Upper end.
        shuffled: Mean accuracy on shuffled labels.
        chance_low: Lower end of the band that one more shuffle falls into.
        chance_high: Upper end.
        selectivity: `accuracy - shuffled`.
        random_accuracy: Accuracy on the network with random weights; NaN if it was not asked for.
        gain: `accuracy - random_accuracy`.
        gain_low: Lower end of its interval (t, over groups).
        gain_high: Upper end.
        majority: Accuracy of always naming the more frequent label.
        unusable: Texts that could not be read, with the reason.
        about: What to record.
    """

    places: tuple[Place, ...]
    accuracy: Floats
    accuracy_low: Floats
    accuracy_high: Floats
    auc: Floats
    auc_low: Floats
    auc_high: Floats
    shuffled: Floats
    chance_low: Floats
    chance_high: Floats
    selectivity: Floats
    random_accuracy: Floats
    gain: Floats
    gain_low: Floats
    gain_high: Floats
    majority: float
    unusable: dict[str, str]
    about: dict[str, str | int | float]


def probe(
    checkpoint: Checkpoint,
    texts: Sequence[ProbeText],
    *,
    places: Sequence[Place] = PLACES,
    folds: int = 5,
    shuffles: int = 10,
    random_control: bool = True,
    penalty: float = 1.0,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    rows: Rows = "auto",
    progress: Progress | None = None,
) -> ProbeResult:
    """Train and test probes on texts.

    Args:
        checkpoint: Whose residual stream is read.
        texts: Labelled texts.
        places: Where to read.
        folds: Parts the groups are spread over.
        shuffles: Shuffled labellings, at least 2; each costs as much as the probes themselves.
        random_control: Whether to probe a network with random weights as well.
        penalty: Inverse strength C of the L2 penalty.
        n_bootstrap: Resamples of groups for the AUC.
        level: Of intervals and of the chance band.
        seed: Of folds, shuffles, random weights and resamples.
        rows: Tokens computed at once.
        progress: Told after every layer, place and labelling.

    Returns:
        Accuracies with their controls.

    Raises:
        InputError: No usable texts, too few groups, one label only, or an option is out of range.
    """
    if shuffles < 2:
        raise InputError(f"shuffles: {shuffles} are too few for a chance band; give at least 2")
    tokens = text_tokens(texts, checkpoint)
    used = [texts[i] for i in tokens.usable]
    streams = [residual_stream(checkpoint, tokens, places=places, rows=rows).values]
    labels = np.array([text.label for text in used], dtype=np.bool_)
    groups = np.array([text.group for text in used])
    fold = grouped_folds(labels, groups, folds=folds, seed=seed)
    if random_control:
        twin = random_twin(checkpoint, seed)
        streams.append(residual_stream(twin, tokens, places=places, rows=rows).values)
    layers = len(streams[0][places[0]])
    work = _Work(layers * len(places) * (1 + shuffles + random_control), progress)

    def fit(stream: _Stream, wanted: Flags) -> tuple[Flags, Floats]:
        return _fit(stream, wanted, fold, penalty, work)

    right, scores = fit(streams[0], labels)
    chance = np.stack(
        [
            fit(streams[0], shuffle_labels(labels, groups, seed, draw))[0].mean(axis=0)
            for draw in range(shuffles)
        ]
    )
    control = fit(streams[1], labels)[0].astype(float) if random_control else np.nan
    auc = grouped_auc(scores, labels, groups, fold, n_bootstrap=n_bootstrap, seed=seed, level=level)
    accuracy, low, high = _mean_interval(right.astype(float), groups, level)
    gain, gain_low, gain_high = _mean_interval(right - control, groups, level)
    shuffled, chance_low, chance_high = _band(chance, level)

    def table(values: Floats) -> Floats:
        return values.reshape(layers, len(places))

    return ProbeResult(
        places=tuple(places),
        accuracy=table(accuracy),
        accuracy_low=table(low.clip(0, 1)),
        accuracy_high=table(high.clip(0, 1)),
        auc=table(auc.auc),
        auc_low=table(auc.low),
        auc_high=table(auc.high),
        shuffled=table(shuffled),
        chance_low=table(chance_low),
        chance_high=table(chance_high),
        selectivity=table(accuracy - shuffled),
        random_accuracy=table(accuracy - gain),
        gain=table(gain),
        gain_low=table(gain_low),
        gain_high=table(gain_high),
        majority=float(max(labels.mean(), 1 - labels.mean())),
        unusable=tokens.unusable,
        about={
            "texts": len(used),
            "groups": len(set(groups)),
            "folds": folds,
            "shuffles": shuffles,
            "penalty": penalty,
            "seed": seed,
        },
    )


def _fit(
    stream: _Stream, labels: Flags, fold: Ints, penalty: float, work: "_Work"
) -> tuple[Flags, Floats]:
    """Whether each text is labelled right, and its score: `[n, layers * places]`."""
    right, scores = [], []
    for by_place in zip(*stream.values(), strict=True):
        for features in by_place:
            said, score = out_of_fold(features, labels, fold, penalty)
            right.append(said == labels)
            scores.append(score)
            work.finish()
    return np.stack(right, axis=1), np.stack(scores, axis=1)


def grouped_folds(labels: ArrayLike, groups: ArrayLike, *, folds: int = 5, seed: int = 0) -> Ints:
    """Spread groups over folds so that each has about the same share of either label.

    Args:
        labels: Per row, `[n]`.
        groups: Per row, `[n]`.
        folds: How many.
        seed: Of the order.

    Returns:
        Fold of each row, `[n]`; rows of a group have the same.

    Raises:
        InputError: There are too few groups, or a label is found in one group only or in none.
    """
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    values, names = np.asarray(labels, dtype=np.bool_), np.asarray(groups)
    n_groups = len(np.unique(names))
    if folds < 2:
        raise InputError(f"folds: {folds} is too few; give at least 2")
    if n_groups < folds:
        raise InputError(
            f"probe: {n_groups} groups are too few for {folds} folds; give more data"
            + (f", or folds={n_groups}" if n_groups > 1 else "")
        )
    for label in (True, False):
        if len(np.unique(names[values == label])) < 2:
            raise InputError(
                f"probe: the label {label} is in fewer than two groups, so that it cannot be "
                "learnt in one and tested in another; give other data"
            )
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.full(len(values), -1, dtype=np.int64)
    with warnings.catch_warnings():
        # A label in fewer groups than folds: those folds have no AUC, see `grouped_auc`.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for index, (_, test) in enumerate(split.split(values, values, names)):
            fold[test] = index
    return fold


def out_of_fold(
    features: ArrayLike, labels: Flags, fold: Ints, penalty: float = 1.0
) -> tuple[Flags, Floats]:
    """Label every row by a probe that was trained on the other folds.

    Args:
        features: `[n, d]`.
        labels: `[n]`.
        fold: `[n]`.
        penalty: Inverse strength C of the L2 penalty.

    Returns:
        Label and decision score per row; where all training rows have the same label, that one and
        a score of 0.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.asarray(features, dtype=np.float64)
    said, scores = np.empty(len(x), dtype=np.bool_), np.zeros(len(x))
    for one in np.unique(fold):
        test = fold == one
        known = labels[~test]
        if known.all() or not known.any():
            said[test] = known[0]
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000))
        model.fit(x[~test], known)
        scores[test] = model.decision_function(x[test])
        said[test] = scores[test] > 0
    return said, scores


def shuffle_labels(labels: Flags, groups: NDArray[Any], seed: int, draw: int) -> Flags:
    """Labels without meaning that depend on their groups as the real ones do.

    Groups that have one label exchange theirs. A group with as many of either (twins) keeps or
    turns round all of them, by a coin. In all other groups rows exchange their labels.

    Args:
        labels: `[n]`.
        groups: `[n]`.
        seed: Of the analysis.
        draw: Number of the shuffle.

    Returns:
        `[n]`.
    """
    names, code = np.unique(groups, return_inverse=True)
    count = np.bincount(code)
    positive = np.bincount(code, weights=labels)
    of_one = (positive == 0) | (positive == count)
    order = np.argsort(uniforms(["probe groups", seed, draw], 0, len(names)), kind="stable")
    coins = uniforms(["probe coins", seed, draw], 0, len(names)) < 0.5
    shuffled = labels.copy()
    new = positive > 0
    new[np.flatnonzero(of_one)] = new[[g for g in order if of_one[g]]]
    for group in range(len(names)):
        rows = np.flatnonzero(code == group)
        if of_one[group]:
            shuffled[rows] = new[group]
        elif 2 * positive[group] == count[group]:
            shuffled[rows] = labels[rows] ^ coins[group]
        else:
            draws = uniforms(["probe rows", seed, draw, str(names[group])], 0, len(rows))
            shuffled[rows] = labels[rows][np.argsort(draws, kind="stable")]
    return shuffled


def _mean_interval(values: Floats, groups: NDArray[Any], level: float) -> tuple[Floats, ...]:
    estimate = estimate_mean(cluster_sums(values, groups))
    return (estimate.mean, *t_interval(estimate, level))


def _band(chance: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    """Mean over draws and the prediction interval of one more."""
    n = len(chance)
    mean, sd = chance.mean(axis=0), chance.std(axis=0, ddof=1)
    half = student_t.ppf(0.5 + level / 2, n - 1) * sd * np.sqrt(1 + 1 / n)
    return mean, mean - half, mean + half


class _Work:
    """Counts probes and tells the progress callback."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def finish(self) -> None:
        """Add one."""
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
