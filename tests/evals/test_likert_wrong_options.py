"""Wrong `-T` values: one line that names the option, before the first call."""

import shutil
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from shell_options import from_shell

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.evals.likert import likert
from pluralens.evals.likert_dataset import Interview, interview_samples
from pluralens.evals.likert_options import METADATA
from pluralens.evals.likert_people import Draw
from pluralens.personas.description import DETAILS
from pluralens.personas.population import load_population
from pluralens.solvers.adjectives import load_adjectives, select_items
from pluralens.solvers.prompts import likert_wording

YOUNGEST_OLDEST = "must be youngest-oldest, for example 18-100"
NAMES = "must be names, separated by commas"
FILE = "must be the path of one CSV file"
FOLDER = "must be one id or folder of a population"
K = "must be `all` or a number"

WRONG = [
    *[(f"age={v}", YOUNGEST_OLDEST) for v in ("30", "18.5", "{a: 1}", "18,x,100", "true")],
    ("age=[18, x, 100]", YOUNGEST_OLDEST),
    ("age=2020-01-01", YOUNGEST_OLDEST),
    ("elicit=json,text", "elicit=['json', 'text'] is unknown; choose one of json"),
    ("elicit={json: 1}", "elicit={'json': 1} is unknown; choose one of json"),
    *[(f"paraphrase={v}", "is unknown; choose a number from 0 to 3")
      for v in ("1.0", "true", "0,1", "null", "{}", "-1")],
    *[(f"cases={v}", FILE) for v in ("5", "a,b", "{}", "true", "''")],
    ("cases=~nobody-of-that-name/a.csv", "there is no such user's home folder"),
    ("language=de,en", "language=['de', 'en'] is unknown; choose one of de, en"),
    ("language=null", "language=None is unknown; choose one of de, en"),
    ("style=a,b", "style=['a', 'b'] is unknown; choose one of list"),
    ("orders=a,b", "orders=['a', 'b'] is unknown; choose one of both"),
    *[(f"{o}={v}", f"{o}=") for o in ("attributes", "counterfactuals", "items")
      for v in ("5", "true", "2.5", "{age: 1}", "[1, 2]", "[null]", "','", "[]")],
    ("attributes=5", NAMES),
    ("items=','", "items=['', ''] names nothing"),
    ("attributes=','", "attributes=['', ''] names nothing; leave it out"),
    ("counterfactuals=gender,gender", "counterfactuals: 'gender' is named twice; name it once"),
    ("counterfactuals=age_bin", "counterfactuals: 'age_bin' is derived; change 'age'"),
    ("counterfactuals=gendr", "counterfactuals: population de has no attribute 'gendr'; the clo"),
    *[(f"population={v}", FOLDER) for v in ("5", "a,b", "{}", "true")],
    *[(f"rationale={v}", "must be true or false") for v in ("nein", "5", "[a]", "{}", "null")],
    *[(f"per_attribute={v}", K) for v in ("0", "true", "2.5", "1,2", "{}", "null")],
    *[(f"{o}={v}", f"{o}={yaml.safe_load(v)!r} must be a whole number")
      for o in ("seed", "n", "top_logprobs") for v in ("true", "{}", "-1", "1.5")],
    ("seed=null", "seed=None must be a whole number"),
    ("top_logprobs=1000", "top_logprobs=1000 must be a whole number from 1 to 20"),
    ("top_logprobs=0", "top_logprobs=0 must be a whole number from 1 to 20"),
    *[(f"population_temperature={v}", "must be in [0, 1]")
      for v in ("true", ".nan", "[1]")],
    ("population_temperature={gendr: 0.5}", "draws no attribute 'gendr'; the closest is 'gender'"),
    ("population_temperature={5: 0.5, a: 1}", "draws no attribute 5; choose from age"),
    ("population_temperature={age_bin: 0.5}", "draws no attribute 'age_bin'"),
    ("population_temperature={gender: 5}", "population_temperature=5 must be in [0, 1]"),
    *[(f"selection={v}", "is no usable name") for v in ("5", "true", "a,b", "{}", "no", "'a b'")],
    ("selection=", "is no usable name"),
    ("per_attribute=2", "counterfactuals names none; name them"),
    ("enrichment=texts", "belongs to the personas of a stored selection; name it too"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "message"), WRONG)
def test_a_wrong_value_is_one_line_that_names_the_option(option: str, message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        likert(**from_shell(option))
    assert message in caught.value.message
    assert option.split("=")[0] in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        {"age": [30, 40]},
        {"age": " 30 - 40 "},
        {"population_temperature": {"gender": 0.5, "age": 1}},
        {"counterfactuals": "none", "attributes": ""},
        {"counterfactuals": "gender,placebo", "per_attribute": 1},
        {"elicit": "both", "top_logprobs": 1},
        {"rationale": True},
        {"population": Path(str(data_file("populations", "de")))},
    ],
)
def test_right_values_of_every_kind_are_still_right(options: dict[str, Any]) -> None:
    assert len(likert(n=2, items="g1", **options).dataset) >= 2


def test_a_path_of_own_items_may_come_from_python(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("id,adjective\nx1,froh\n")
    metadata = likert(n=1, cases=file).metadata  # type: ignore[arg-type]
    assert metadata and list(metadata["items"]) == ["x1"]


def _draw(**options: Any) -> Draw:
    return Draw.checked(
        **{
            "n": 2, "population": "de", "seed": 0, "counterfactuals": "gender", "age": "18-100",
            "per_attribute": "all", "temperature": 0.0, **options,
        }
    )  # fmt: skip


def _interview(draw: Draw) -> Interview:
    return Interview.checked(
        draw, attributes=None, language="de", style="list", paraphrase=0, orders="both",
        elicit="json", rationale=False, items=None, cases=None, top_logprobs=20,
    )  # fmt: skip


def test_the_reserved_names_are_those_of_the_metadata() -> None:
    draw = _draw()
    samples, _ = interview_samples(draw, _interview(draw))
    for sample in samples:
        # The texts of an enrichment are there only with one.
        assert set(sample["metadata"]) | set(DETAILS) == {*METADATA, *draw.people.all_attributes}


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name in (*METADATA, "attribute", "Age", *load_population("de").all_attributes)
        if "_" not in name
    ),
)
def test_an_item_named_like_something_known_of_the_persona_is_refused(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_text(f"id,adjective\nok,froh\n{name},alt\n")
    with pytest.raises(click.ClickException) as caught:
        likert(n=1, cases=str(file))
    assert f"the item id {name!r}" in caught.value.message
    assert f"rename the item, for example {name}1" in caught.value.message
    assert str(file) in caught.value.message and "\n" not in caught.value.message
    file.write_text(f"id,adjective\nok,froh\n{name}1,alt\n")
    assert likert(n=1, cases=str(file)).metadata


def test_a_population_attribute_named_like_a_result_is_refused(tmp_path: Path) -> None:
    """It would be overwritten in the metadata that the solver reads the persona from."""
    folder = tmp_path / "own"
    shutil.copytree(str(data_file("populations", "de")), folder)
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("sexuality", "role"))
            if "sexuality" in file.name:
                file.rename(file.with_name(file.name.replace("sexuality", "role")))
    assert "role" in load_population(folder).attributes
    with pytest.raises(InputError, match=r"attribute 'role' .* rename the attribute"):
        _draw(population=str(folder))


def test_a_wording_that_was_loaded_before_opens_no_door_to_its_equals() -> None:
    """1 == 1.0 == True, also as keys of a cache."""
    assert likert_wording("de", 1) is likert_wording("de", 1)
    for wrong in (1.0, True):
        with pytest.raises(InputError, match=f"paraphrase={wrong}"):
            likert_wording("de", wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="rationale=1 must be true or false"):
        likert_wording("de", 1, "json", 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [3, True, {"g1": 1}])
def test_items_and_cases_are_checked_for_direct_callers_too(wrong: Any) -> None:
    with pytest.raises(InputError, match="items="):
        select_items(load_adjectives("de"), wrong)
    with pytest.raises(InputError, match="cases="):
        load_adjectives("de", wrong)


def test_the_command_line_ends_with_exit_code_2(run: Any) -> None:
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", "pluralens_sim/likert",
        "-T", "elicit=json,text",
    )  # fmt: skip
    assert done.returncode == 2
    assert "Error: elicit=['json', 'text'] is unknown" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
