"""Simulated PERSONA studies for tests: a base rate, planted importances, effects of who and what.

P(accepted) = base * person * question * product over attributes left out of (1 - weight), with
factors of persons and questions that are uniform around 1. The truth is therefore exact: base times
the product, for any arm.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["PERSON", "QUESTION", "attempts", "cell_study", "comparisons", "frame_of", "loo_study"]
__all__ += ["pass_truth", "skill", "zip_design"]

# Half widths of the factors; a base up to 1 / (1.3 * 1.2) = 0.64 keeps every chance below 1.
PERSON, QUESTION = 0.3, 0.2


def zip_design(
    rng: np.random.Generator, pairs: int = 300, questions: int = 120, persons: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    """Question and person of each pair, both as evenly used as possible, no pair twice."""
    index = np.arange(pairs)
    question = rng.permutation(questions)[index % questions]
    # Persons who come again get other questions.
    turn = index // questions if persons < pairs else 0
    return question, rng.permutation(persons)[(index + turn) % persons]


def skill(
    rng: np.random.Generator,
    base: float,
    question: np.ndarray,
    person: np.ndarray,
    spread: tuple[float, float] = (PERSON, QUESTION),
) -> np.ndarray:
    """Chance per pair that an answer is accepted when everything is shown."""
    who = 1 + spread[0] * rng.uniform(-1, 1, int(person.max()) + 1)
    what = 1 + spread[1] * rng.uniform(-1, 1, int(question.max()) + 1)
    return base * who[person] * what[question]


def frame_of(
    question: np.ndarray, person: np.ndarray, accepted: np.ndarray, **more: object
) -> pd.DataFrame:
    """A critique frame with what the estimators read; one arm and epoch unless `more` says so."""
    pair = question * (int(person.max()) + 1) + person
    columns = {"question_id": question, "persona_id": person, "pair": pair, "arm": "full"}
    return pd.DataFrame({**columns, "epoch": 1, "accepted": accepted, **more})


def loo_study(
    rng: np.random.Generator,
    weights: Sequence[float],
    *,
    base: float = 0.6,
    pairs: int = 300,
    persons: int = 300,
    absent: float = 0.05,
    unscored: float = 0.02,
) -> pd.DataFrame:
    """All arms of a leave-one-out study; some attributes are absent, some answers unscored."""
    question, person = zip_design(rng, pairs, persons=persons)
    kept = 1 - np.asarray(weights)
    arms = ["full", *(f"without:a{k}" for k in range(kept.size)), "none"]
    factor = np.concatenate([[1.0], kept, [kept.prod()]])
    chance = skill(rng, base, question, person)[:, None] * factor
    accepted = (rng.random(chance.shape) < chance).astype(float)
    accepted[rng.random(chance.shape) < unscored] = np.nan
    runs = np.ones(chance.shape, dtype=bool)
    runs[:, 1:-1] = rng.random((pairs, kept.size)) >= absent
    row, column = np.nonzero(runs)
    arm = pd.Categorical.from_codes(column, arms)
    return frame_of(question[row], person[row], accepted[row, column], arm=arm)


def attempts(
    rng: np.random.Generator,
    *,
    base: float = 0.4,
    pairs: int = 150,
    questions: int = 60,
    n: int = 16,
    spread: tuple[float, float] = (0.8, 0.3),
) -> pd.DataFrame:
    """`n` independent attempts per pair, whose chances differ widely between persons."""
    question, person = zip_design(rng, pairs, questions, pairs)
    chance = skill(rng, base, question, person, spread)
    accepted = (rng.random((pairs, n)) < chance[:, None]).astype(float)
    row, epoch = (index.ravel() for index in np.indices((pairs, n)))
    return frame_of(question[row], person[row], accepted.ravel(), epoch=epoch + 1)


def pass_truth(n: int, base: float = 0.4, spread: tuple[float, float] = (0.8, 0.3)) -> np.ndarray:
    """Chances of no success in, and of only successes in, 0 .. n attempts, `[2, n + 1]`.

    Gauss-Legendre quadrature over the uniform factors, which is exact for these polynomials.
    """
    node, weight = np.polynomial.legendre.leggauss(n + 1)
    chance = base * np.outer(1 + spread[0] * node, 1 + spread[1] * node)
    weights = np.outer(weight, weight)[..., None] / 4
    k = np.arange(n + 1)
    failed = ((1 - chance[..., None]) ** k * weights).sum(axis=(0, 1))
    passed = (chance[..., None] ** k * weights).sum(axis=(0, 1))
    return np.stack([failed, passed])


def comparisons(
    rng: np.random.Generator,
    sensitivity: float,
    bias: float,
    *,
    n: int = 300,
    questions: int = 120,
    persons: int = 300,
    spread: float = 0.0,
) -> pd.DataFrame:
    """Verdicts of a blind critic on pairs of persons: evidence, plus a pull to the first answer.

    The critic chooses the first answer if its evidence for it + `bias` is above 0; the evidence is
    normal with mean +- `sensitivity`, by whether the first answer is the right one. `spread` is the
    standard deviation of the persons' part in the sensitivity.
    """
    question = np.arange(n) % questions
    one = rng.permutation(np.arange(n) % persons)
    other = (one + rng.integers(1, persons, n)) % persons
    known = rng.normal(0, spread, persons)
    strength = sensitivity + known[one] + known[other]
    right_first = np.array([1.0, -1.0])
    # Target x order.
    evidence = strength[:, None, None] * right_first + rng.normal(size=(n, 2, 2))
    chose_first = evidence + bias > 0
    hit = chose_first == (right_first > 0)
    return pd.DataFrame(
        {
            "sample_id": np.arange(n),
            "question_id": question,
            "persona_id": one,
            "persona_id_second": other,
            "identified": hit.mean(axis=(1, 2)),
            "hits_first": hit[..., 0].mean(axis=1),
            "hits_second": hit[..., 1].mean(axis=1),
            "first_chosen": chose_first.mean(axis=(1, 2)),
            "consistent": (hit[..., 0] == hit[..., 1]).mean(axis=1),
        }
    )


def cell_study(
    rng: np.random.Generator,
    skills: Sequence[float],
    *,
    per_cell: int = 30,
    questions: int = 120,
    person: float = 0.3,
    question: float = 0.4,
) -> pd.DataFrame:
    """`per_cell` persons per cell, each asked one question.

    P(accepted) = skill + (distance of the skill to 0 or 1) * (person u + question v) with u of the
    person and v of the question uniform from -1 to 1, so that a cell's mean chance is its skill.
    """
    cell = np.repeat(np.arange(len(skills)), per_cell)
    index = np.arange(cell.size)
    asked = rng.permutation(questions)[index % questions]
    level = np.asarray(skills)[cell]
    part = person * rng.uniform(-1, 1, cell.size) + question * rng.uniform(-1, 1, questions)[asked]
    chance = level + np.minimum(level, 1 - level) * part
    accepted = (rng.random(cell.size) < chance).astype(float)
    return frame_of(asked, index, accepted, cells=np.char.add("c", cell.astype(str)))
