"""The five PERSONA tasks with the simulated pair: what is asked, and what the logs say."""

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import score as inspect_score
from inspect_ai.log import EvalLog
from persona_runs import (
    CRITIC,
    PERSONALISER,
    answer_texts,
    asked,
    asked_critic,
    by_id,
    content,
    evaluate,
    metrics,
    value,
)

from pluralens.evals import persona
from pluralens.evals.persona import persona_comparison, persona_loo, persona_main
from pluralens.scorers.critique import critique
from pluralens.scorers.identification import identification

# Options of a small run, and the metric that stands for the whole.
SMALL: dict[str, tuple[dict[str, Any], str]] = {
    "main": ({"n": 5}, "accuracy"),
    "loo": ({"n": 3, "attributes": "religion,income"}, "leave_all_out_gap"),
    "intersections": ({"per_cell": 1, "intersections": "sex_race"}, "accuracy"),
    "pass_at_k": ({"n": 2, "attempts": 4, "k": 3}, "pass@3"),
    "comparison": ({"n": 4}, "identification"),
}
CHECKOUT = Path(__file__).resolve().parents[2]
SCALARS = {
    "question_id", "topic", "language", "mode", "protocol", "persona_id", "pair", "arm", "left_out",
    "persona", "shown",
}  # fmt: skip
# Makes some answers unreadable, twice as well, and others refused.
FAULTS = {"invalid_rate": 0.3, "stubborn_rate": 0.5, "refusal_rate": 0.1, "leak_rate": 0.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("persona")


@pytest.fixture(scope="module")
def logs(folder: Path) -> dict[str, EvalLog]:
    """One small run of each task."""
    return {
        task: evaluate(folder / task, task, args=FAULTS, **options)
        for task, (options, _) in SMALL.items()
    }


@pytest.mark.parametrize("task", SMALL)
def test_each_task_says_who_was_asked_what(logs: dict[str, EvalLog], task: str) -> None:
    log = logs[task]
    options, headline = SMALL[task]
    samples = by_id(log)
    assert log.results and log.results.headline
    assert log.results.headline.metric == headline and headline in metrics(log)
    about = log.eval.metadata or {}
    assert about["benchmark"] == f"persona_{task}" and about["version"] == "1-A"
    assert about["planted_for"] == {"model": PERSONALISER, "model_args": FAULTS}
    assert about["planted"]["leak_rate"] == 0.2 and about["source"]["population"] == "us"
    assert json.dumps(about)
    made = getattr(persona, f"persona_{task}")(**options)
    ids = [s.id for s in made.dataset]
    assert ids == log.eval.dataset.sample_ids and len(set(ids)) == len(ids)
    assert {str(s.id) for s in log.samples or []} == set(ids)
    for sample in samples.values():
        known = sample.metadata
        if task != "comparison":
            assert SCALARS <= set(known)
            parts = [known["question_id"], known["persona_id"]]
            arm = [] if known["arm"] == "full" else [known["arm"]]
            assert sample.id == "-".join([*parts, *arm]) and known["pair"] == "/".join(parts)
        # One plain text per person, and the same once more as a mapping; nothing is a repr.
        assert known["persona"].startswith("Age: ") and "{" not in known["persona"]
        numbers = {"threshold", "seed"}
        texts = [v for k, v in known.items() if not k.startswith("values") and k not in numbers]
        assert all(isinstance(text, str) for text in texts)
        assert [line.split(": ", 1)[1] for line in known["persona"].splitlines()] == list(
            known["values"].values()
        )
        (score,) = (sample.scores or {}).values()
        assert score.explanation and known["persona"] not in score.model_dump_json()
        assert all(isinstance(v, float | int) for v in value(sample).values())


@pytest.mark.parametrize("task", SMALL)
def test_the_same_run_twice_is_the_same_log(
    logs: dict[str, EvalLog], folder: Path, task: str
) -> None:
    again = evaluate(folder / "again", task, args=FAULTS, **SMALL[task][0])
    assert content(again) == content(logs[task])


@pytest.mark.parametrize("task", SMALL)
def test_scoring_later_equals_scoring_at_once(
    logs: dict[str, EvalLog], folder: Path, task: str
) -> None:
    asked_only = evaluate(
        folder / "later", task, args=FAULTS, grader=None, score=False, **SMALL[task][0]
    )
    assert all(not s.scores and not asked_critic(s) for s in asked_only.samples or [])
    scorer = identification() if task == "comparison" else critique()
    scored = inspect_score(
        asked_only, scorer, model=PERSONALISER, model_roles={"grader": CRITIC}, display="none"
    )
    assert content(scored) == content(logs[task])
    if task == "loo":
        found = metrics(scored)
        assert {"importance(religion)", "importance(income)", "leave_all_out_gap"} <= set(found)
        assert found["importance(religion) pairs"] == 3


def test_an_answer_that_is_unreadable_twice_is_not_accepted_and_costs_two_calls(
    logs: dict[str, EvalLog],
) -> None:
    invalid = [
        s for task in ("main", "loo", "intersections", "pass_at_k")
        for s in logs[task].samples or [] if value(s)["invalid"]
    ]  # fmt: skip
    assert invalid
    for sample in invalid:
        assert value(sample)["accepted"] == 0 and asked_critic(sample) == []
        first, second = asked(sample)
        assert second.startswith(first) and "This reply is not valid: " in second
        (answer,) = sample.store["PersonalizedAnswers:answers"]
        assert answer["outcome"] in ("invalid", "empty") and answer["reason"]
        assert len(answer["replies"]) == 2


def test_the_critic_sees_the_full_persona_in_every_arm(logs: dict[str, EvalLog]) -> None:
    arms = Counter(s.metadata["arm"] for s in logs["loo"].samples or [])
    assert arms == dict.fromkeys(["full", "without:religion", "without:income", "none"], 3)
    judged = 0
    for sample in logs["loo"].samples or []:
        known = sample.metadata
        removed = {"full": [], "none": ["Religion", "Income"]}.get(
            known["arm"], [known["left_out"].capitalize()]
        )
        lines = known["persona"].splitlines()
        left = [line for line in lines if line.split(": ")[0] not in removed]
        assert len(left) == len(lines) - len(removed) and known["shown"] == "\n".join(left)
        for prompt in asked(sample):
            assert f"<person>\n{known['shown']}\n</person>" in prompt
            assert all(f"\n{name}: " not in prompt for name in removed)
        for prompt in asked_critic(sample):
            judged += 1
            assert f"\n{known['persona']}\n" in prompt
    assert judged >= 6


def test_the_full_arm_shows_everything_that_is_known() -> None:
    """Not the baseline, which sees nobody, passes for it."""
    loo = persona_loo(n=4, attributes="age,sex")
    shown = {s.id: s.metadata["shown"] for s in loo.dataset if s.metadata}
    for sample in persona_main(n=4).dataset:
        assert sample.metadata and shown[sample.id] == sample.metadata["persona"]
        assert len(sample.metadata["values"]) >= 20
        assert sample.metadata["values"]["age"] in sample.metadata["shown"]


def test_the_order_of_attributes_is_the_one_given() -> None:
    made = persona_loo(n=2, attributes="sex,age,race")
    assert made.metadata and made.metadata["attributes"] == ["sex", "age", "race"]
    arms = [s.metadata["arm"] for s in made.dataset if s.metadata]
    assert arms == ["full", "without:sex", "without:age", "without:race", "none"] * 2


@pytest.mark.parametrize("task", ["main", "comparison"])
def test_the_baseline_is_told_of_no_person(folder: Path, task: str) -> None:
    log = evaluate(folder / "baseline", task, n=4, mode="baseline")
    for sample in log.samples or []:
        known = sample.metadata
        assert not any(v for k, v in known.items() if k.startswith("shown"))
        about = [line for key, text in known.items() if key.startswith("persona")
                 for line in text.splitlines() if ": " in line]  # fmt: skip
        assert len(about) >= 20
        for prompt in asked(sample):
            assert known["question_id"] not in prompt and sample.input in prompt
            assert not any(line in prompt for line in about)
            assert "person" not in prompt.replace(sample.input, "")
        for prompt in asked_critic(sample):
            assert known["persona"] in prompt or known["persona_second"] in prompt


@pytest.mark.parametrize(
    ("mode", "notes"), [("chain_of_thought", True), ("demographic_summary", True)]
)
def test_modes_that_write_something_first(folder: Path, mode: str, notes: bool) -> None:
    log = evaluate(folder / mode, "main", n=3, mode=mode)
    for sample in log.samples or []:
        (answer,) = sample.store["PersonalizedAnswers:answers"]
        assert bool(answer["notes"]) == notes and sample.metadata["mode"] == mode
        # One call writes both; the critic sees the answer alone.
        assert len(asked(sample)) == len(answer["replies"])
        assert all(answer["notes"] not in prompt for prompt in asked_critic(sample))


def test_attempts_are_independent_and_each_is_judged_on_its_own_answer(
    logs: dict[str, EvalLog],
) -> None:
    log = logs["pass_at_k"]
    assert log.eval.config.epochs == 4
    pairs: dict[str, list[Any]] = {}
    for sample in log.samples or []:
        pairs.setdefault(str(sample.id), []).append(sample)
    for attempts in pairs.values():
        assert sorted(s.epoch for s in attempts) == [1, 2, 3, 4]
        texts = {s.epoch: answer_texts(s)["answer"] for s in attempts}
        written = [text for text in texts.values() if text]
        assert len(written) > 1 and len(set(written)) > 1
        # The first prompt is the same for all, and no prompt holds what another attempt wrote.
        assert len({asked(s)[0] for s in attempts}) == 1
        for sample in attempts:
            # Two attempts may decline in the same words.
            others = [text for text in written if text != texts[sample.epoch]]
            for prompt in [*asked(sample), *asked_critic(sample)]:
                assert not any(text in prompt for text in others)
            for prompt in asked_critic(sample):
                assert texts[sample.epoch] in prompt
            (score,) = (sample.scores or {}).values()
            assert (score.answer or "") == texts[sample.epoch]
            assert (score.metadata or {})["epoch"] == sample.epoch


def test_k_is_free(folder: Path) -> None:
    log = evaluate(folder / "k", "pass_at_k", n=5, attempts=3, k=2)
    assert log.results and log.results.headline and log.results.headline.metric == "pass@2"
    assert {f"pass@{k}" for k in (1, 2, 3)} <= set(metrics(log))
    assert "pass@4" not in metrics(log)
    assert log.eval.metadata and (log.eval.metadata["attempts"], log.eval.metadata["k"]) == (3, 2)


def test_greedy_answers_are_one_and_the_same_in_every_epoch(folder: Path) -> None:
    """Why attempts are drawn."""
    log = evaluate(folder / "greedy", "main", n=2, epochs=2)
    texts = {key: answer_texts(s)["answer"] for key, s in by_id(log).items()}
    assert len(texts) == 4 and len(set(texts.values())) == 2


def test_sees_shown_lets_the_critic_read_what_the_model_read(folder: Path) -> None:
    log = evaluate(folder / "shown", "loo", n=2, attributes="age", sees="shown")
    for sample in log.samples or []:
        for prompt in asked_critic(sample):
            assert f"\n{sample.metadata['shown']}\n" in prompt
            assert ("\nAge: " in prompt) == (sample.metadata["arm"] == "full")
        (score,) = (sample.scores or {}).values()
        assert (score.metadata or {})["sees"] == "shown"


def test_the_protocol_rubric_rates_four_things(folder: Path) -> None:
    log = evaluate(folder / "rubric", "main", n=6, protocol="rubric", args={"base": 0.5})
    ratings = ("personalization", "helpfulness", "harmlessness", "leak_rating")
    for sample in log.samples or []:
        found = value(sample)
        assert all(1 <= found[name] <= 5 for name in ratings)
        good = all(found[n] >= 4 for n in ratings[:3]) and found["leak_rating"] <= 2
        assert found["accepted"] == good
    assert set(ratings) <= set(metrics(log))


def test_the_protocol_pairwise_asks_in_both_orders(folder: Path) -> None:
    log = evaluate(folder / "pairwise", "main", n=6, protocol="pairwise", args={"base": 1.0})
    for sample in log.samples or []:
        texts, prompts = answer_texts(sample), asked_critic(sample)
        assert set(texts) == {"answer", "baseline"} and len(prompts) == 2
        first = [p.index(texts["answer"]) < p.index(texts["baseline"]) for p in prompts]
        assert sorted(first) == [False, True]
        # The baseline's own prompt knows of nobody.
        assert sum("<person>" in prompt for prompt in asked(sample)) == 1
        assert value(sample)["order_consistent"] == 1
    found = metrics(log)
    assert found["accuracy"] > 0.9 and found["first_chosen"] == 0.5


def test_two_people_are_asked_for_apart_and_compared_in_both_orders(
    logs: dict[str, EvalLog],
) -> None:
    for sample in logs["comparison"].samples or []:
        known, texts = sample.metadata, answer_texts(sample)
        assert known["persona"] != known["persona_second"]
        for prompt in asked(sample):
            shown = [known[key] in prompt for key in ("persona", "persona_second")]
            assert sorted(shown) == [False, True]
        prompts = asked_critic(sample)
        if math.isnan(value(sample)["identified"]):
            assert value(sample)["invalid"] == 1 and prompts == []
            continue
        turns = Counter(
            (known["persona"] in p, p.index(texts["first"]) < p.index(texts["second"]))
            for p in prompts
        )
        assert turns == dict.fromkeys([(a, b) for a in (True, False) for b in (True, False)], 1)


def test_a_panel_decides_by_majority(folder: Path) -> None:
    from inspect_ai.model import get_model

    panel = [get_model(CRITIC, noise=0.4, seed=k) for k in range(3)]
    log = evaluate(folder / "panel", "main", n=8, grader=panel, args={"base": 0.5})
    found = [value(s) for s in log.samples or []]
    for one in found:
        votes = [one[f"vote_{k}"] for k in (1, 2, 3)]
        assert one["accepted"] == sorted(votes)[1]
    assert any(len({one[f"vote_{k}"] for k in (1, 2, 3)}) == 2 for one in found)
    assert metrics(log)["graders"] == 3 and "krippendorff_alpha" in metrics(log)


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def own(tmp_path: Path) -> str:
    """Two questions and twelve people; one has no religion in the file."""
    write(tmp_path / "q.csv", "id,topic,question", "q1,a,Are zoos wrong?", "q2,b,Ban cars?")
    sexes, faiths, sides = ("Female", "Male"), ("None", "Catholic", "Islam"), ("left", "right")
    write(
        tmp_path / "p.csv", "id,age,sex,religion,ideology",
        *[f"p{k},{20 + 5 * k},{sexes[k % 2]},{faiths[k % 3] if k else ''},{sides[k // 6]}"
          for k in range(12)],
    )  # fmt: skip
    return f"{tmp_path / 'q.csv'},{tmp_path / 'p.csv'}"


def test_an_own_source_is_taken_whole_where_it_has_less_than_the_default(own: str) -> None:
    made = persona_main(source=own)
    uses = Counter(s.metadata["persona_id"] for s in made.dataset if s.metadata)
    assert len(made.dataset) == 24 and set(uses.values()) == {2} and len(uses) == 12
    assert len(persona_main(source=own, n=18).dataset) == 18
    crossed = persona_main(source=own, design="cross")
    assert len(crossed.dataset) == 24
    assert len(persona_comparison(source=own, n=10).dataset) == 10


def test_who_lacks_an_attribute_gives_no_arm_and_is_counted(own: str, tmp_path: Path) -> None:
    log = evaluate(tmp_path, "loo", source=own, n=12, attributes="religion,ideology")
    arms = Counter(s.metadata["arm"] for s in log.samples or [])
    assert arms == {"full": 12, "without:religion": 11, "without:ideology": 12, "none": 12}
    assert log.eval.metadata and log.eval.metadata["missing"] == {"religion": 1, "ideology": 0}
    found = metrics(log)
    assert found["importance(religion) pairs"] + found["importance(religion) unscored"] == 11
    assert found["importance(religion) absent"] == 1


def test_cells_without_people_are_listed_and_shared_people_are_reported(
    own: str, tmp_path: Path
) -> None:
    cells = [
        {"name": "nobody", "attributes": [{"attribute": "age", "range": [90, 99]}]},
        {"name": "women", "attributes": [{"attribute": "sex", "values": ["Female"]}]},
        {"name": "young", "attributes": [{"attribute": "age", "range": [20, 30]}]},
    ]
    (tmp_path / "cells.json").write_text(json.dumps(cells))
    log = evaluate(
        tmp_path, "intersections", source=own, intersections=str(tmp_path / "cells.json")
    )
    about = log.eval.metadata or {}
    assert about["cells"] == [
        {"name": "nobody", "n": 0}, {"name": "women", "n": 6}, {"name": "young", "n": 3},
    ]  # fmt: skip
    assert about["overlaps"] == [{"cells": ["women", "young"], "n": 2}]
    assert len(log.samples or []) == 7
    found = metrics(log)
    assert found["cell_pairs(women)"] == 6 and found["cell_pairs(young)"] == 3
    assert sorted(s.metadata["cells"] for s in log.samples or []) == sorted(
        ["women"] * 4 + ["women|young"] * 2 + ["young"]
    )


def test_what_inspect_lists() -> None:
    inspect = str(Path(sys.executable).with_name("inspect"))
    listed = subprocess.run(
        [inspect, "list", "tasks"], cwd=CHECKOUT, capture_output=True, text=True, check=True,
        timeout=120,
    )  # fmt: skip
    for task in SMALL:
        assert f"src/evals/persona.py@persona_{task}\n" in listed.stdout


@pytest.mark.parametrize("name", ["pluralens/persona_main", "src/evals/persona.py@persona_main"])
def test_by_name_and_by_file(start: Any, tmp_path: Path, name: str) -> None:
    done = start(
        "inspect", "eval", name, "--model", PERSONALISER, "--model-role", f"grader={CRITIC}",
        "-T", "n=2", "--log-dir", str(tmp_path), cwd=CHECKOUT,
    )  # fmt: skip
    assert done.returncode == 0 and "accuracy" in done.stdout, done.stderr
    assert len(list(tmp_path.glob("*.eval"))) == 1
