"""PERSONA from Python: the same runs as from a shell, and nothing but `InputError` for mistakes."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model
from persona_runs import CRITIC, PERSONALISER, content, evaluate, metrics, value
from scripted_replies import replies_in_turn

from pluralens import async_evaluate_model, evaluate_model
from pluralens.errors import InputError
from pluralens.evals.evaluate_model import EVALUATIONS

SMALL: dict[str, dict[str, Any]] = {
    "main": {"n": 2},
    "loo": {"n": 2, "attributes": ["age"]},
    "intersections": {"per_cell": 1},
    "pass_at_k": {"n": 1, "attempts": 2},
    "comparison": {"n": 2},
}
ALIASES = {"intersectionality": "intersections", "leave_one_out": "loo", "pass@k": "pass_at_k"}


@pytest.mark.parametrize("kind", [*EVALUATIONS, *ALIASES])
def test_every_evaluation_and_what_else_it_is_called(tmp_path: Path, kind: str) -> None:
    name = ALIASES.get(kind, kind)
    log = evaluate_model(
        PERSONALISER, kind, grader=CRITIC, log_dir=str(tmp_path), display="none", **SMALL[name]
    )
    assert isinstance(log, EvalLog) and log.status == "success", log.error
    assert log.eval.task == f"pluralens/persona_{name}" and log.results and log.samples
    assert log.eval.metadata and log.eval.metadata["planted_for"]["model"] == PERSONALISER
    assert list(tmp_path.glob("*.eval"))


def test_it_is_the_run_of_the_command_line(tmp_path: Path) -> None:
    options: dict[str, Any] = {"n": 4, "mode": "chain_of_thought", "seed": 2}
    log = evaluate_model(
        PERSONALISER, grader=CRITIC, log_dir=str(tmp_path), display="none", **options
    )
    other = evaluate(tmp_path / "eval", "main", **options)
    found, expected = json.loads(content(log)), json.loads(content(other))
    assert found[1:] == expected[1:]
    assert {id: one[4] for id, one in found[0].items()} == {
        id: one[4] for id, one in expected[0].items()
    }


def test_within_an_event_loop(tmp_path: Path) -> None:
    async def both() -> tuple[EvalLog, str]:
        log = await async_evaluate_model(
            PERSONALISER, "loo", grader=CRITIC, log_dir=str(tmp_path), n=2, attributes="age"
        )
        with pytest.raises(InputError, match="did you mean ideology"):
            await async_evaluate_model(PERSONALISER, "loo", grader=CRITIC, attributes="idology")
        with pytest.raises(InputError, match="display: inspect shows no progress"):
            await async_evaluate_model(PERSONALISER, grader=CRITIC, display="none")
        with pytest.raises(InputError, match="no model has the role grader"):
            await async_evaluate_model(PERSONALISER)
        return log, "done"

    log, done = asyncio.run(both())
    assert done == "done" and log.status == "success" and len(log.samples or []) == 6
    again = evaluate_model(
        PERSONALISER, "loo", grader=CRITIC, log_dir=str(tmp_path), display="none", n=2,
        attributes="age",
    )  # fmt: skip
    assert content(again) == content(log)


def test_settings_of_the_run_are_not_options_of_the_task(tmp_path: Path) -> None:
    log = evaluate_model(
        PERSONALISER, grader=CRITIC, log_dir=str(tmp_path), display="none", n=5, limit=2, epochs=2,
        temperature=0.7, max_connections=3, model_args={"base": 0.2}, groups="religion",
    )  # fmt: skip
    assert len(log.samples or []) == 4 and log.eval.model_generate_config.temperature == 0.7
    assert log.eval.model_args == {"base": 0.2} and log.eval.task_args["n"] == 5
    assert any(name.startswith("pairs(religion/") for name in metrics(log))


def test_models_of_their_own_settings_and_panels(tmp_path: Path) -> None:
    panel = [get_model(CRITIC, noise=0.4, seed=k) for k in (1, 2)]
    log = evaluate_model(
        get_model(PERSONALISER, base=0.5), grader=[*panel, CRITIC], log_dir=str(tmp_path),
        display="none", n=4,
    )  # fmt: skip
    assert log.status == "success" and metrics(log)["graders"] == 3
    assert all({"vote_1", "vote_2", "vote_3"} <= set(value(s)) for s in log.samples or [])
    assert log.eval.metadata and log.eval.metadata["planted"]["base"] == 0.5


def test_answers_first_and_no_grader(tmp_path: Path) -> None:
    log = evaluate_model(PERSONALISER, score=False, log_dir=str(tmp_path), display="none", n=2)
    assert log.status == "success" and all(not s.scores for s in log.samples or [])


def test_a_model_that_judges_itself_is_flagged_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The grader is the model of the role, never silently the evaluated one."""

    def reply(seal: str) -> str:
        if not seal:
            return '{"answer": "It depends."}'
        voices = ("personalization_critic", "helpfulness_critic", "conclusion")
        return json.dumps({**dict.fromkeys(voices, "Hm."), "needs_revision": False, "seal": seal})

    one, other = replies_in_turn([reply], "one"), replies_in_turn([reply], "other")
    for grader, itself in ((one, 1), (other, 0)):
        caplog.clear()
        log = evaluate_model(one, grader=grader, log_dir=str(tmp_path), display="none", n=3)
        assert log.status == "success", log.error
        assert [value(s)["self_judged"] for s in log.samples or []] == [itself] * 3
        assert metrics(log)["self_judged"] == itself
        told = [r for r in caplog.records if "is the evaluated model and judges" in r.getMessage()]
        assert len(told) == itself


def test_a_model_that_fails_leaves_a_log_that_says_so(tmp_path: Path) -> None:
    def fail(seal: str) -> str:
        raise ConnectionError("the model is gone")

    log = evaluate_model(
        replies_in_turn([fail], "broken"), grader=CRITIC, log_dir=str(tmp_path), display="none",
        n=2,
    )  # fmt: skip
    assert log.status == "error" and log.error and "the model is gone" in log.error.message


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"evaluation_type": "mian"}, "'mian' is unknown; did you mean main? choose one of main, loo"),
    ({"evaluation_type": None}, "evaluation_type=None is unknown"),
    ({"evaluation_type": ["main"]}, "is unknown; did you mean main?"),
    ({"grader": None}, "no model has the role grader, which judges the answers"),
    ({"grader": []}, "no model has the role grader"),
    ({"grader": [], "score": False}, "no model has the role grader"),
    ({"grader": ""}, "grader='' is no model"),
    ({"grader": "nobody/x"}, "grader='nobody/x' cannot be used"),
    ({"grader": f"{CRITIC},{CRITIC}"}, "is no model; write provider and name of one"),
    ({"grader": [CRITIC, 5]}, "grader=5 is no model"),
    ({"grader": "openai/gpt-5"}, "OPENAI_API_KEY"),
    ({"grader": "pluralens_sim/critc"}, "pluralens_sim/critc is unknown"),
    ({"model": None}, "model=None is no model"),
    ({"model": "nobody/x"}, "model='nobody/x' cannot be used"),
    ({"model": "gpt-5"}, "model='gpt-5' cannot be used"),
    ({"model": f"{PERSONALISER},{PERSONALISER}"}, "is no model; write provider and name of one"),
    ({"model_args": {"bas": 0.3}}, "unknown parameter 'bas'"),
    ({"n": "many"}, "n='many' must be a whole number"),
    ({"nn": 3}, "there is no option nn=3; the closest is 'n'"),
    ({"mode": "baselin"}, "did you mean baseline?"),
    ({"evaluation_type": "pass_at_k", "temperature": 0}, "temperature 0 makes every attempt the"),
    ({"evaluation_type": "pass_at_k", "attempts": 2, "k": 3}, "k=3: there are only 2 attempts"),
    ({"evaluation_type": "pass_at_k", "epochs": 2}, "epochs: the attempts of pass_at_k are"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_mistakes_are_input_errors_before_the_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], message: str
) -> None:
    for name in ("OPENAI_API_KEY", "INSPECT_EVAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    options = {"model": PERSONALISER, "grader": CRITIC, "log_dir": str(tmp_path / "logs"), **wrong}
    with pytest.raises(InputError) as caught:
        evaluate_model(display="none", **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.eval"))


IMPORTED = """
import json, os, sys

class Watched(dict):
    reads = []

    def __getitem__(self, name):
        self.reads.append(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.reads.append(name)
        return super().get(name, default)

    def __contains__(self, name):
        self.reads.append(name)
        return super().__contains__(name)

os.environ = Watched(os.environ)
import pluralens
from pluralens import async_evaluate_model, evaluate_model
heavy = sorted({"inspect_ai", "numpy", "pandas", "openai", "yaml"} & set(sys.modules))
print(json.dumps({"reads": Watched.reads, "heavy": heavy, "has": pluralens.__all__}))
"""


def test_importing_reads_no_environment_and_loads_no_inspect() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(done.stdout) == {
        "reads": [], "heavy": [], "has": ["async_evaluate_model", "evaluate_model"],
    }  # fmt: skip
