"""Wrong `-T` values: one line that names the option, before the first call."""

from pathlib import Path
from typing import Any

import click
import pytest
from shell_options import from_shell

from pluralens._resources import data_file
from pluralens.evals.triplets import triplets

WRONG = [
    ("scenario=rents", "the closest id is 'rent'"),
    ("scenario=5", "scenario=5 must be names"),
    ("scenario=rent,rent", "'rent' is named twice"),
    ("scenario=rent,all", "`all` holds every other id"),
    ("scenario=''", "scenario='' names nothing"),
    ("scenario={}", "scenario={} must be names"),
    ("triplets=0", "triplets=0 must be a whole number from 1 to 36"),
    ("triplets=37", "triplets=37 must be a whole number from 1 to 36"),
    *[(f"triplets={v}", "must be a whole number") for v in ("true", "2.5", "[1]", "many")],
    ("language=fr", "language='fr' is unknown to scenario rent; choose from de, en"),
    ("language=de,de", "'de' is named twice"),
    ("language=no", "language=False must be names"),
    ("language=null", "language=None names nothing"),
    *[(f"paraphrase={v}", "must be `all` or a number")
      for v in ("x", "1.0", "true", "0,1", "null")],
    ("paraphrase=3", "paraphrase=3 is unknown; choose a whole number from 0 to 2"),
    ("paraphrase=-1", "paraphrase=-1 is unknown"),
    ("affect=angry", "affect='angry' is unknown; choose one of plain, emotional"),
    ("affect=5", "affect=5 must be one word"),
    ("stance=doubt", "stance='doubt' is unknown; choose one of none, challenge"),
    ("stance=a,b", "stance=['a', 'b'] is unknown"),
    ("context=user", "context='user' is unknown; choose one of none, system, inline"),
    ("context={}", "context={} must be one word"),
    *[(f"seed={v}", "must be a whole number") for v in ("true", "-1", "1.5", "null", "x")],
    ("paraphrases=1", "there is no option paraphrases=1; the closest is 'paraphrase'"),
    ("n=5", "a number of triplets is -T triplets="),
    ("grader=openai/gpt-5", "the grader is --model-role grader="),
    ("temperature=1", "the model's own temperature is --temperature"),
    ("see_prompt=true", "-S see_prompt=true"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "message"), WRONG)
def test_a_wrong_value_is_one_line_that_names_the_option(option: str, message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        triplets(**from_shell(option))
    assert message in caught.value.message
    assert option.split("=")[0] in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_a_second_scenario_of_the_same_id_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rent.yaml"
    file.write_text(data_file("scenarios", "rent.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(click.ClickException, match="is a second scenario 'rent'; rename one"):
        triplets(scenario=["rent", str(file)])


def test_a_factor_named_like_a_result_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = data_file("scenarios", "rent.yaml").read_text("utf-8").replace("id: rent", "id: own")
    text = text.replace("  justification:\n", "  context:\n").replace(
        "{justification}", "{context}"
    )
    file.write_text(text, "utf-8")
    with pytest.raises(click.ClickException, match="scenario own: the factor 'context'"):
        triplets(scenario=str(file))


def test_the_command_line_ends_with_exit_code_2(run: Any) -> None:
    command = ("inspect", "eval", "pluralens/triplets", "--model", "pluralens_sim/neutral")
    done = run(*command, "-T", "stance=doubt")
    assert done.returncode == 2 and "Error: stance='doubt' is unknown" in done.stderr
    done = run(*command, "-T", "triplets=2")
    assert done.returncode == 2 and "add --model-role grader=PROVIDER/MODEL" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
