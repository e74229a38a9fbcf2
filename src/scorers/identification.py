"""Scorer of two answers for two people: can a blind grader tell which answer is for whom?"""

import logging
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from inspect_ai.model import Model
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from inspect_ai.util import collect

from pluralens.errors import InputError, shown_plainly
from pluralens.scorers.critic_panel import (
    REASONS,
    STOPPED,
    Critics,
    ask_critics,
    check_seed,
    explained,
    panel_votes,
    recorded,
    stored_answers,
    text_of,
    undecided,
    values_of,
)
from pluralens.scorers.critique_prompt import CritiqueTask
from pluralens.scorers.graders import SelfJudging, graders
from pluralens.scorers.leaks import quoted_attributes
from pluralens.scorers.metrics.critique import identification_rates
from pluralens.scorers.panel import panel_majority
from pluralens.scorers.personalized_answers import Answer, PersonalizedAnswers, answer_of

__all__ = ["identification"]

logger = logging.getLogger(__name__)


class _Turn(NamedTuple):
    """One of the four verdicts: for whom it is asked, and where the right answer stands."""

    target: str
    right: str


# Both people are the reader once, and both answers stand first once for each.
TURNS = tuple(
    _Turn(target, right) for target in ("first", "second") for right in ("first", "second")
)


@scorer(metrics=[identification_rates()])
def identification(seed: int | None = None) -> Scorer:
    """Let the models of the role `grader` tell which of two answers was written for a person.

    Each of the two people is asked for in both orders of the answers: four verdicts. Guessing and
    a liking for a place both give 1/2. A sample without two readable answers measures nothing; one
    that lacks a verdict, or whose panel is divided over one, is unscored: a part of the orders
    would be biased toward a place. `leak` is the share of the two answers that quote their person
    verbatim, which anybody could identify.

    Args:
        seed: Of the seals and the requests. None: that of the run, else 0.
    """
    if seed is not None:
        with shown_plainly():
            check_seed(seed)
    judging = SelfJudging(logger)

    async def score(state: TaskState, target: Target) -> Score:
        with shown_plainly():
            panel = graders()
            people = {
                "first": text_of(state, "persona"),
                "second": text_of(state, "persona_second"),
            }
            values = {"first": values_of(state), "second": values_of(state, "values_second")}
            answers = _read(stored_answers(state))
            drawn = state.metadata.get("seed", 0) if seed is None else seed
            check_seed(drawn)
        self_judged = judging.found(panel, state.model)
        readable = all(answer.outcome == "answer" for answer in answers.values())
        rounds: list[Critics] = []
        if readable:
            tasks = [_task(state.input_text, people, answers, turn) for turn in TURNS]
            rounds = await collect(
                *(
                    ask_critics(panel, task, "identify", seed=drawn, state=state, turn=number)
                    for number, task in enumerate(tasks)
                )
            )
        quoted = {
            name: quoted_attributes(answer.text, values[name], state.input_text)
            for name, answer in answers.items()
        }
        return _score(state, answers, panel, rounds, quoted, self_judged)

    return score


def _read(stored: PersonalizedAnswers) -> dict[str, Answer]:
    """The two answers; one that a limit stopped counts among those without words.

    Raises:
        InputError: The sample has answers of another kind.
    """
    others = [one.key for one in stored.answers if one.key not in ("first", "second")]
    if others:
        raise InputError(
            f"the answers are {', '.join(others)}, of which the scorer identification judges none; "
            "use pluralens/critique"
        )
    first, second = answer_of(stored, "first"), answer_of(stored, "second")
    return {
        "first": first or Answer(key="first", outcome="empty"),
        "second": second or Answer(key="second", outcome="empty"),
    }


def _task(
    question: str, people: Mapping[str, str], answers: Mapping[str, Answer], turn: _Turn
) -> CritiqueTask:
    other = "second" if turn.target == "first" else "first"
    order = (turn.target, other) if turn.right == "first" else (other, turn.target)
    return CritiqueTask(question, people[turn.target], tuple(answers[name].text for name in order))


def _values(choices: Sequence[str | None]) -> dict[str, float]:
    """What four verdicts amount to; NaN for all of it unless every one of them is known."""
    if len(choices) < len(TURNS) or None in choices:
        names = ("identified", "hits_first", "hits_second", "first_chosen", "consistent")
        return dict.fromkeys(names, math.nan)
    hits = [float(choice == turn.right) for choice, turn in zip(choices, TURNS, strict=True)]
    return {
        "identified": fmean(hits),
        "hits_first": fmean((hits[0], hits[2])),
        "hits_second": fmean((hits[1], hits[3])),
        "first_chosen": fmean(float(choice == "first") for choice in choices),
        # The same answer is chosen for a person wherever it stands.
        "consistent": fmean((hits[0] == hits[1], hits[2] == hits[3])),
    }


def _score(
    state: TaskState,
    answers: Mapping[str, Answer],
    panel: list[Model],
    rounds: Sequence[Critics],
    quoted: Mapping[str, Sequence[str]],
    self_judged: bool,
) -> Score:
    invalid = [one for one in answers.values() if one.outcome != "answer"]
    votes = [[heard.parsed.choice for heard in critics] for critics in rounds]
    values = _values([panel_majority(choices) for choices in votes])
    unscored = not invalid and math.isnan(values["identified"])
    each = [_values(own)["identified"] for own in zip(*votes, strict=True)]
    why, reason = None, None
    if invalid:
        why = "; ".join(f"{one.key}: {one.reason or STOPPED}" for one in invalid)
        reason = REASONS[invalid[0].outcome]
    elif unscored:
        why, reason = undecided(panel, rounds), "grader_failed"
    value = {
        **values,
        "invalid": float(bool(invalid)),
        "unscored": float(unscored),
        # Who quotes a person makes it easy to tell for whom: no subtlety is needed.
        "leak": math.nan if invalid else fmean(float(bool(names)) for names in quoted.values()),
        "self_judged": float(self_judged),
        **panel_votes(each, panel),
    }
    head = f"identified {values['identified']:g}" if why is None else why
    said = [
        f"For the {turn.target} person, whose answer stands {turn.right}:\n\n{explained(*vote)}"
        for turn, critics in zip(TURNS, rounds, strict=False)
        for vote in zip(panel, critics, strict=True)
    ]
    return Score(
        value=dict(value),
        answer="\n\n".join(one.text for one in answers.values() if one.text) or None,
        explanation="\n\n".join([head, *said]),
        reason=reason,
        metadata={
            "epoch": state.epoch,
            "persona_id": state.metadata.get("persona_id"),
            "persona_id_second": state.metadata.get("persona_id_second"),
            "outcome": "invalid" if invalid else "unscored" if unscored else "scored",
            "why": why,
            "quoted": {name: list(names) for name, names in quoted.items()},
            "graders": [str(grader) for grader in panel],
            "turns": [turn._asdict() for turn in TURNS[: len(rounds)]],
            "verdicts": recorded(panel, rounds),
        },
    )
