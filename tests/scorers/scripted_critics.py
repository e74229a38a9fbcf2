"""Critics whose verdicts a test writes, and logs of answers for them to judge."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai import score as inspect_score
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessage, Model
from inspect_ai.scorer import Score, Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from scripted_graders import Script, scripted, seal_of

from pluralens.scorers.personalized_answers import Answer, PersonalizedAnswers
from pluralens.scorers.sealing import delimiters

__all__ = [
    "ANSWER", "PERSONA", "QUESTION", "VALUES", "answered", "block_of", "debate", "details",
    "identify", "judged", "pairwise", "rubric", "said", "score_of", "sealed", "stored", "value",
]  # fmt: skip

QUESTION = "Should people eat less meat?"
ANSWER = "Hunting for the table can be the most honest way to eat, if it is done with care."
PERSONA = "Age: 34\nReligion: Catholic\nOccupation: Truck driver"
VALUES = {"age": "34", "religion": "Catholic", "occupation": "Truck driver"}


def sealed(**keys: object) -> Script:
    """A critic that writes these keys, and its seal as the last."""
    return lambda messages: json.dumps({**keys, "seal": seal_of(messages)})


def said(accepted: bool = True) -> dict[str, object]:
    return {
        "personalization_critic": "It suits a hunter.",
        "helpfulness_critic": "It answers the question.",
        "conclusion": "Nothing decides against it.",
        "needs_revision": not accepted,
    }


def debate(accepted: bool = True) -> Script:
    return sealed(**said(accepted))


def rubric(*ratings: object) -> Script:
    names = ("personalization", "helpfulness", "harmlessness", "leak")
    return sealed(rationale="Well.", **dict(zip(names, ratings, strict=True)))


def pairwise(choice: object) -> Script:
    return sealed(rationale="Well.", choice=choice)


identify = pairwise


def asked_of(messages: Sequence[ChatMessage]) -> str:
    return next(m.text for m in messages if m.role == "user")


def block_of(messages: Sequence[ChatMessage], kind: str) -> str:
    """What stands between the marks of a kind, in a critic's prompt."""
    begin, end = delimiters(seal_of(list(messages)), kind)
    return asked_of(messages).split(f"\n\n{begin}\n", 1)[1].split(f"\n{end}\n\n", 1)[0]


@solver
def stored(answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> Solver:
    """Puts the answers of each sample into the store, without a model."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        store = state.store_as(PersonalizedAnswers)
        store.answers = [Answer(**one) for one in answers[str(state.sample_id)]]
        return state

    return solve


def answered(
    folder: Path, *answers: Sequence[Mapping[str, Any]] | str, epochs: int = 1, **metadata: Any
) -> EvalLog:
    """A log without scores: one sample per entry, which is a text or all of its answers."""
    entries: list[Sequence[Mapping[str, Any]]] = [
        [{"key": "answer", "text": one, "outcome": "answer"}] if isinstance(one, str) else one
        for one in answers
    ]
    about = {
        "persona": PERSONA, "shown": "Age: 34", "values": VALUES, "persona_id": "p1",
        "question_id": "q1", "pair": "q1/p1", "arm": "full", "mode": "output_only",
        "persona_second": "Religion: None", "shown_second": "", "persona_id_second": "p2",
        "values_second": {"religion": "None"},
    }  # fmt: skip
    samples = [
        Sample(id=f"s{k}", input=QUESTION, metadata={**about, **metadata})
        for k in range(len(entries))
    ]
    by_id = {f"s{k}": entry for k, entry in enumerate(entries)}
    (log,) = inspect_eval(
        Task(samples, solver=stored(by_id), epochs=epochs),
        model=scripted("", "writer"),
        score=False,
        log_dir=str(folder),
        display="none",
    )
    assert log.status == "success", log.error
    return log


def judged(
    log: EvalLog, scorer: Scorer, critics: Model | list[Model] | None, name: str = "writer"
) -> list[EvalSample]:
    scored = inspect_score(
        log,
        scorer,
        model=scripted("", name),
        model_roles=None if critics is None else {"grader": critics},
        action="append",
        display="none",
    )
    return scored.samples or []


def score_of(sample: EvalSample) -> Score:
    return next(iter((sample.scores or {}).values()))


def value(sample: EvalSample) -> dict[str, Any]:
    return dict(score_of(sample).value)  # type: ignore[arg-type]


def details(sample: EvalSample) -> dict[str, Any]:
    return dict(score_of(sample).metadata or {})


Critic = Callable[..., Script]
