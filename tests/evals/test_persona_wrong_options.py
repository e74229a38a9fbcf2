"""Wrong input of the PERSONA tasks: one line that names it, before the first call."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from inspect_ai.model import Model
from persona_runs import CRITIC, PERSONALISER, asked, asked_critic, evaluate, metrics, value
from scripted_replies import replies_in_turn
from shell_options import from_shell

from pluralens.evals import persona

ALL = ("main", "loo", "intersections", "pass_at_k", "comparison")
CELL = '{"attributes": [{"attribute": "sex", "values": ["Male"]}]}'
FILES = {
    "questions.csv": "id,topic,question\nq1,a,Are zoos wrong?\n",
    "no_question.csv": "id,topic,text\nq1,a,Are zoos wrong?\n",
    "column.csv": "id,topic,question,mood\nq1,a,Are zoos wrong?,calm\n",
    "shape.json": '{"names": ["age"]}',
    "numbers.json": "[1, 2]",
    "broken.json": '["age",',
    "typo.json": '["age", "idology"]',
    "empty.json": '[{"name": "nobody", "attributes": [{"attribute": "age", "range": [200, 300]}]}]',
    "range.json": '[{"attributes": [{"attribute": "religion", "range": [1, 2]}]}]',
    "upside.json": '[{"attributes": [{"attribute": "age", "range": [50, 20]}]}]',
    "value.json": '[{"attributes": [{"attribute": "sex", "values": ["Femal"]}]}]',
    "key.json": '[{"atributes": []}]',
    "unknown.json": '[{"attributes": [{"attribute": "sexx", "values": ["Male"]}]}]',
    "none.json": "[]",
    "twice.json": f"[{CELL}, {CELL}]",
    "shared.json": '{"disjoint": true, "intersections": ['
    f'{CELL}, {{"attributes": [{{"attribute": "age", "range": [18, 34]}}]}}]}}',
}

# Task, option or several, and what the line says.
WRONG: list[tuple[str, str, str]] = [
    *[(task, "mode=outputonly", "mode='outputonly' is unknown; did you mean output_only?")
      for task in ALL],
    *[(task, "seed=-1", "seed=-1 must be a whole number of at least 0") for task in ALL],
    *[(task, "langauge=en", "there is no option langauge='en'; the closest is 'language'")
      for task in ALL],
    *[(task, f"n={10**6}", "n=1000000 must be a whole number from 1 to 100000")
      for task in ALL if task != "intersections"],
    ("main", "n=0", "n=0 must be a whole number from 1"),
    ("main", "n=5.5", "n=5.5 must be a whole number"),
    ("main", "mode=[baseline]", "mode=['baseline'] is unknown"),
    ("main", "protocol=identify", "protocol='identify' is unknown; choose one of debate, rubric"),
    ("main", "protocol=debte", "protocol='debte' is unknown; did you mean debate?"),
    ("main", "protocol=pairwise mode=baseline", "choose another mode than baseline"),
    ("main", "sees=nothing", "sees='nothing' is unknown; choose one of full, shown"),
    *[("main", f"threshold={v}", f"threshold={v} must be a whole number from 1 to 5")
      for v in (0, 6, 4.5)],
    ("main", "threshold=true", "threshold=True must be"),
    ("main", "design=zipp", "design='zipp' is unknown; did you mean zip?"),
    ("main", "design=cross n=5", "n=5: design=cross asks every question of every person"),
    ("main", "questions=201", "questions=201 must be a whole number from 1 to 200"),
    ("main", "questions=1 personas=2 n=3", "3 pairs are more than 1 questions and 2 people make"),
    ("main", "n=5 personas=6", "personas=6 must be a whole number from 1 to 5"),
    ("main", "groups=sexx", "unknown attribute 'sexx'; did you mean sex?"),
    ("main", "groups=sex,sex", "'sex' is named twice"),
    ("main", "groups=5", "groups=5 must be names"),
    ("main", "language=fr", "no question is in language 'fr'; choose from en"),
    ("main", "revision=main", "revision='main' pins data of the Hugging Face hub"),
    ("main", "epochs=3", "several answers per pair are --epochs"),
    ("main", "grader=openai/gpt-5", "the critic is --model-role grader="),
    ("main", "modes=all", "`pluralens run persona --modes all` runs them all"),
    ("main", "temperature=1", "the model's own temperature is --temperature"),
    ("main", "source=builtn", "source='builtn' is neither"),
    ("main", "source=nowhere.csv", "nowhere.csv: there is no such file"),
    ("main", "source=5", "source=5 is no source"),
    ("main", "source=no_question.csv", "no file has the column 'question'"),
    ("main", "source=column.csv", "mood"),
    ("main", "source=questions.csv n=2 personas=1", "2 pairs are more than 1 questions and 1"),
    ("loo", "attributes=age,idology", "unknown attribute 'idology'; did you mean ideology?"),
    ("loo", "attributes=5", "attributes: 5 is no list of attributes"),
    ("loo", "attributes=age,age", "'age' is named twice"),
    ("loo", "attributes=shape.json", "shape.json: the object has the keys names; write"),
    ("loo", "attributes=numbers.json", "numbers.json"),
    ("loo", "attributes=broken.json", "broken.json, line 1, column 8: not valid JSON"),
    ("loo", "attributes=typo.json", "typo.json: unknown attribute 'idology'; did you mean ideolo"),
    ("loo", "attributes=nowhere.json", "nowhere.json: there is no such file"),
    ("loo", "mode=baseline", "mode=baseline shows no persona, so nothing can be left out"),
    ("loo", "protocol=pairwise", "protocol=pairwise does not fit"),
    ("pass_at_k", "k=17", "k=17: there are only 16 attempts"),
    ("pass_at_k", "attempts=3 k=4", "k=4: there are only 3 attempts; give at most attempts=3"),
    ("pass_at_k", "k=0", "k=0 must be a whole number of at least 1"),
    *[("pass_at_k", f"attempts={v}", f"attempts={v} must be a whole number from 1 to 1000")
      for v in (0, 1001, 2.5)],
    ("pass_at_k", "protocol=pairwise", "protocol=pairwise does not fit"),
    ("intersections", "per_cell=0", "per_cell=0 must be a whole number from 1"),
    ("intersections", "intersections=sexage", "intersections='sexage' is unknown; choose one of"),
    ("intersections", "intersections=5", "intersections=5 must be an id or one JSON or YAML file"),
    ("intersections", "intersections=nowhere.json", "nowhere.json: there is no such file"),
    ("intersections", "intersections=broken.json", "not valid JSON"),
    ("intersections", "intersections=none.json", "there is no list of cells"),
    ("intersections", "intersections=key.json", "unknown key 'atributes'"),
    ("intersections", "intersections=unknown.json", "unknown attribute 'sexx'"),
    ("intersections", "intersections=value.json", "no sex is 'Femal'"),
    ("intersections", "intersections=range.json", "the values of religion are no numbers"),
    ("intersections", "intersections=upside.json", "is no range"),
    ("intersections", "intersections=twice.json", "two cells are called 'sex=Male'"),
    ("intersections", "intersections=shared.json", "'sex=Male' and 'age 18-34'"),
    ("intersections", "intersections=empty.json", "nobody is in any of the cells (nobody)"),
    ("comparison", "protocol=debate", "there is no option protocol='debate'"),
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("task", "options", "message"), WRONG)
def test_a_wrong_value_is_one_line_that_names_it(
    files: Path, task: str, options: str, message: str
) -> None:
    given: dict[str, Any] = {}
    for option in options.split():
        given |= from_shell(option)
    with pytest.raises(click.ClickException) as caught:
        getattr(persona, f"persona_{task}")(**given)
    assert message in caught.value.message
    assert "\n" not in caught.value.message and caught.value.exit_code == 2


EVAL = ("inspect", "eval", "--model", PERSONALISER)
GRADED = (*EVAL, "--model-role", f"grader={CRITIC}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("persona_main -T mode=outputonly", "did you mean output_only?"),
        ("persona_main -T source=no_question.csv", "no file has the column 'question'"),
        ("persona_main --temprature 1", "No such option"),
        ("persona_loo -T attributes=idology", "did you mean ideology?"),
        ("persona_loo -T attributes=shape.json", "shape.json: the object has the keys names"),
        ("persona_intersections -T intersections=range.json", "religion are no numbers"),
        ("persona_intersections -T intersections=shared.json", "'sex=Male' and 'age 18-34'"),
        ("persona_pass_at_k -T attempts=4 -T k=5", "k=5: there are only 4 attempts"),
        ("persona_pass_at_k -T n=2 --temperature 0", "temperature 0 makes every attempt the same"),
        ("persona_pass_at_k -T n=2 --epochs 4", "--epochs 4 would replace the 16 attempts"),
    ],
)
def test_the_command_line_ends_with_exit_code_2_and_leaves_no_log(
    run: Any, files: Path, words: str, message: str
) -> None:
    done = run(*GRADED, *f"pluralens/{words}".split())
    assert done.returncode == 2 and done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1 and message in lines[0], done.stderr
    assert "Traceback" not in done.stderr
    assert not (files / "logs").exists()


@pytest.mark.parametrize("task", ["persona_main", "persona_comparison"])
def test_without_a_grader_nothing_is_asked(run: Any, tmp_path: Path, task: str) -> None:
    done = run(*EVAL, f"pluralens/{task}", "-T", "n=2")
    assert done.returncode == 2 and "add --model-role grader=PROVIDER/MODEL" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    "environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}]
)
def test_gated_sets_without_access_say_page_and_command(
    run: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    pytest.importorskip("datasets", reason="the extra hub is not installed")
    done = run(
        *GRADED, "pluralens/persona_main", "-T", "source=hf", **environment,
        HF_HOME=str(tmp_path / "hub"),
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert "https://huggingface.co/datasets/SynthLabsAI/PRISM-Filter" in line
    assert "`hf auth login`" in line and "-T source=builtin works without" in line
    assert not (tmp_path / "logs").exists()


def needs_revision(*values: Any) -> Model:
    """A critic that writes these verdicts in turn; what is None is left out."""

    def verdict(flag: Any, seal: str) -> str:
        said = dict.fromkeys(("personalization_critic", "helpfulness_critic", "conclusion"), "Hm.")
        flagged = {} if flag is None else {"needs_revision": flag}
        return json.dumps({**said, **flagged, "seal": seal})

    return replies_in_turn([lambda seal, flag=flag: verdict(flag, seal) for flag in values])


@pytest.mark.parametrize("wrong", ["false", None, 0])
@pytest.mark.parametrize("corrected", [True, False])
def test_a_verdict_that_is_no_boolean_is_asked_again_and_never_guessed(
    tmp_path: Path, wrong: Any, corrected: bool
) -> None:
    critic = needs_revision(wrong, False if corrected else wrong)
    log = evaluate(tmp_path, "main", n=1, grader=critic, args={"base": 1.0})
    (sample,) = log.samples or []
    found = value(sample)
    first, second = asked_critic(sample)
    assert second.startswith(first) and len(second) > len(first)
    if corrected:
        assert (found["accepted"], found["unscored"]) == (1, 0)
    else:
        assert found["accepted"] != found["accepted"]  # NaN
        assert (found["unscored"], found["invalid"]) == (1, 0)
        (score,) = (sample.scores or {}).values()
        assert score.reason == "grader_failed" and (score.metadata or {})["why"]
        assert metrics(log)["unscored_share"] == 1


OK = '{"answer": "It depends on you."}'


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (f"```json\n{OK}\n```", "It depends on you."),
        (f"Here it is: {OK} I hope that it helps.", "It depends on you."),
        ("{'answer': 'It depends on you.'}", "It depends on you."),
        ('{"answer": ""}', None),
        ('{"reply": "Yes."}', None),
        ("It depends on you.", None),
        ("", None),
    ],
)
def test_answers_in_broken_json(tmp_path: Path, reply: str, text: str | None) -> None:
    model = replies_in_turn([lambda seal: reply], "writer")
    log = evaluate(tmp_path, "main", n=1, model=model, grader=needs_revision(False))
    (sample,) = log.samples or []
    (answer,) = sample.store["PersonalizedAnswers:answers"]
    found = value(sample)
    if text is not None:
        assert answer["text"] == text and len(asked(sample)) == 1
        assert (found["accepted"], found["invalid"]) == (1, 0)
    else:
        # Asked once more with what is wrong, then the model's own failure, with its reason.
        assert len(asked(sample)) == 2 and answer["reason"]
        assert (found["accepted"], found["invalid"], found["unscored"]) == (0, 1, 0)
        assert asked_critic(sample) == []
