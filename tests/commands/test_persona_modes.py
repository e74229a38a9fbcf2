"""`pluralens run persona --modes`: the modes side by side, and nothing asked twice."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from command_line import Done, Line
from inspect_ai.log import list_eval_logs, read_eval_log

from pluralens.models.personaliser import Personaliser

MODES = ("baseline", "output_only", "chain_of_thought", "demographic_summary")
PAIR = "--model pluralens_sim/personaliser --model-role grader=pluralens_sim/critic"
RUN = f"run persona {PAIR} -T n=4"


def answered(folder: Path) -> dict[str, list[str]]:
    """Mode -> ids of its one log's samples."""
    found = {}
    for info in list_eval_logs(str(folder)):
        log = read_eval_log(info)
        assert log.status == "success" and log.eval.metadata
        assert log.eval.metadata["mode"] not in found
        found[log.eval.metadata["mode"]] = [str(sample.id) for sample in log.samples or []]
    return found


def test_all_modes_in_one_command_and_nothing_twice(pluralens: Line, tmp_path: Path) -> None:
    done = pluralens(f"{RUN} --modes all --json")
    assert done.code == 0, done.err
    document = done.json
    assert document["task"] == "pluralens/persona_main" and document["complete"]
    assert document["resume"] is None and document["roster"] is None
    assert [row["mode"] for row in document["models"]] == list(MODES)
    for row in document["models"]:
        assert (row["status"], row["done"], row["total"], row["concurrency"]) == ("done", 4, 4, 10)
        assert {"accuracy", "low", "high", "invalid", "leak"} <= set(row)
        assert row["low"] <= row["accuracy"] <= row["high"]
        log = read_eval_log(str(tmp_path / row["log"]))
        assert log.results and log.eval.metadata and log.eval.metadata["mode"] == row["mode"]
        assert log.results.scores[0].metrics["accuracy"].value == row["accuracy"]
    # The same pairs in every mode, so that modes can be compared.
    ids = answered(tmp_path / "logs" / "persona_main")
    assert set(ids) == set(MODES) and len({tuple(sorted(one)) for one in ids.values()}) == 1
    by_mode = {row["mode"]: row for row in document["models"]}
    assert by_mode["baseline"]["accuracy"] < by_mode["output_only"]["accuracy"]

    def files() -> dict[str, int]:
        logs = (tmp_path / "logs").rglob("*.eval")
        return {str(file): file.stat().st_mtime_ns for file in logs}

    before = files()
    again = pluralens(f"{RUN} --modes all")
    assert again.code == 0 and files() == before and len(before) == 4
    rows = [line.split() for line in again.out.splitlines() if "pluralens_sim/personal" in line]
    assert [row[1:4] for row in rows] == [[mode, "done", "4/4"] for mode in MODES]
    assert f"{by_mode['output_only']['accuracy']:.3f}" in rows[1]
    # A subset of them is found there too.
    some = pluralens(f"{RUN} --modes baseline,output_only --json")
    assert some.code == 0 and files() == before
    assert [row["mode"] for row in some.json["models"]] == ["baseline", "output_only"]


def test_without_scores_there_are_no_numbers(pluralens: Line) -> None:
    model = "--model pluralens_sim/personaliser"
    done = pluralens(f"run persona {model} -T n=2 --modes baseline --no-score --json")
    assert done.code == 0, done.err
    (row,) = done.json["models"]
    assert row["status"] == "done" and "accuracy" not in row
    shown = pluralens(f"run persona {model} -T n=2 --modes baseline --no-score")
    assert shown.code == 0 and " - " in shown.out


def refused(done: Done, *words: str) -> None:
    assert (done.code, done.out) == (2, ""), done
    lines = done.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("pluralens: "), done.err
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"{RUN} --modes output", ["--modes: 'output' is no mode; did you mean output_only?"]),
        (f"{RUN} --modes baseline,all", ["--modes: 'all' is no mode"]),
        (f"{RUN} --modes baseline,baseline", ["--modes names baseline twice"]),
        (f"{RUN} --modes ,", ["--modes ',' names nothing; choose of baseline"]),
        (f"{RUN} --modes all -T mode=baseline", ["-T mode and --modes are both given"]),
        (f"run persona_loo {PAIR} --modes all", ["--modes is of the task persona; persona_loo"]),
        (f"{RUN} --modes all --roster models.yaml", ["name either --roster FILE or --model"]),
        ("run persona --modes all", ["name either --roster FILE or --model"]),
        (f"{RUN} --modes all --concurrency 0", ["--concurrency"]),
        (f"{RUN} --modes baseline -T protocol=pairwise", ["choose another mode than baseline"]),
        (f"{RUN} --modes all -T nn=3", ["there is no option nn=3"]),
        ("run persona --model pluralens_sim/personaliser --modes all", ["--model-role grader="]),
        (f"run persona {PAIR.replace('personaliser', 'nobody')} --modes all", ["is unknown"]),
        (f"run persona {PAIR.replace('critic', 'critc')} --modes all", ["is unknown"]),
        (f"run persona {PAIR.replace('pluralens_sim/p', 'nobody/p')}", ["--model nobody/p"]),
    ],
)  # fmt: skip
def test_wrong_words(pluralens: Line, tmp_path: Path, words: str, told: list[str]) -> None:
    (tmp_path / "models.yaml").write_text("- {model: pluralens_sim/personaliser, concurrency: 2}\n")
    refused(pluralens(words), *told)
    assert not list(tmp_path.rglob("*.eval"))


def test_a_roster_has_the_concurrency_of_its_models(pluralens: Line, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("- {model: pluralens_sim/personaliser, concurrency: 2}\n")
    graded = "--roster models.yaml --model-role grader=pluralens_sim/critic -T n=2"
    both = pluralens(f"run persona {graded} --modes all --concurrency 3")
    refused(both, "--concurrency is of --model")
    done = pluralens(f"run persona {graded} --modes baseline,output_only --json")
    assert done.code == 0 and done.json["roster"] == "models.yaml"
    assert [row["concurrency"] for row in done.json["models"]] == [2, 2]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The prompts that the model got, and a text at which it fails."""
    found: dict[str, Any] = {"prompts": [], "fails at": None}
    reply = Personaliser.reply

    def listening(self: Personaliser, conversation: Any, *more: Any) -> str:
        prompt = conversation[-1].text
        if found["fails at"] is not None and found["fails at"] in prompt:
            raise ConnectionError("the model is gone")
        found["prompts"].append(prompt)
        return reply(self, conversation, *more)

    monkeypatch.setattr(Personaliser, "reply", listening)
    return found


def test_the_command_that_completes_a_run(
    pluralens: Line, asked: dict[str, Any], tmp_path: Path
) -> None:
    """What one mode could not do is done by the command that is printed, and only that."""
    asked["fails at"] = '"reasoning"'
    done = pluralens(
        f"run persona {PAIR} -T n=3 --modes output_only,chain_of_thought --retries 0 --limit 2 "
        "--concurrency 3 --log-dir",
        "my logs",
    )
    assert done.code == 1 and len(asked["prompts"]) == 2, done
    assert "the model is gone" in done.out
    rows = [line.split() for line in done.out.splitlines() if line.split()[2:3] == ["failed"]]
    assert [row[1:4] for row in rows] == [["chain_of_thought", "failed", "0/2"]]
    line = done.out.splitlines()[-1]
    assert line.startswith("complete it with: pluralens run persona_main ")

    asked |= {"fails at": None, "prompts": []}
    words = shlex.split(line.partition(": ")[2])[1:]
    again = pluralens("", *words, "--json")
    assert again.code == 0 and again.json["complete"], again.err
    assert [(row["mode"], row["done"], row["concurrency"]) for row in again.json["models"]] == [
        ("output_only", 2, 3), ("chain_of_thought", 2, 3),
    ]  # fmt: skip
    assert len(asked["prompts"]) == 2
    assert all('"reasoning"' in prompt for prompt in asked["prompts"])
    asked["prompts"].clear()
    assert pluralens("", *words).code == 0 and asked["prompts"] == []
