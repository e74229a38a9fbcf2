"""Wrong `-M` values and effects files: one line each, and never a fabricated rating."""

import math
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pluralens.errors import InputError
from pluralens.models.latent import LatentModel
from pluralens.models.reading import read_question
from pluralens.models.respondent import lexicon, load_latent, load_respondent
from pluralens.models.simulated import SimulatedAPI
from pluralens.personas.description import describe
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.solvers.adjectives import load_adjectives
from pluralens.solvers.prompts import likert_wording

FINITE = "must be a finite number"
WRONG = [
    *[(f"order_bias={v}", FINITE) for v in (".nan", ".inf", "-.inf", "x", "true", "a,b", "null")],
    ("noise=.nan", FINITE),
    ("refusal_rate=.nan", FINITE),
    *[(f"effects={v}", "must be the path of one YAML file") for v in ("5", "a,b", "{}", "true")],
    *[(f"latency={v}", FINITE) for v in ("abc", ".nan", ".inf", "1,2", "true", "null")],
    ("latency=-1", "latency=-1 must be 0 or more seconds"),
    *[(f"logprobs={v}", "must be true or false") for v in ("maybe", "1", "null", "a,b")],
    *[(f"seed={v}", "must be a whole number") for v in ("x", "1.5", "true", "null", "1,2")],
    ("base=3", "unknown parameter 'base'"),
]


def _from_shell(option: str) -> dict[str, Any]:
    """As inspect reads `-M`: YAML, then text with commas as a list."""
    name, text = option.split("=", 1)
    value = yaml.safe_load(text)
    if isinstance(value, str) and "," in value:
        value = value.split(",")
    return {name: value}


@pytest.mark.parametrize(("option", "message"), WRONG)
def test_a_wrong_model_argument_is_one_line_that_names_it(option: str, message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        SimulatedAPI("likert", **_from_shell(option))
    assert message in caught.value.message and "\n" not in caught.value.message
    assert option.split("=")[0] in caught.value.message
    assert getattr(caught.value, "exit_code", None) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("base: {warmth: 3}\npopulation: [a]", r"population=\['a'\] must be one id"),
        ("base: {warmth: 3}\npopulation: 5", "population=5 must be one id"),
        ("base: {warmth: 3}\n5: 1\nnoize: 1\n2020-01-01: 1", "unknown parameter"),
        ("base: {}", "must map at least one dimension"),
        ("base: [3]", "must map at least one dimension"),
        ("base: null", "must map at least one dimension"),
        ("base: {warmth: .nan}", "base.warmth=nan must be a finite number"),
        ("base: {warmth: .inf}", "base.warmth=inf must be a finite number"),
        ("base: {warmth: true}", "base.warmth=True must be a finite number"),
        ("base: {warmth: 3}\norder_bias: .nan", "order_bias=nan must be a finite number"),
        (
            "base: {warmth: 3}\neffects: {age: {30: {warmth: .nan}}}",
            "effects.age.30.warmth=nan must be a finite number",
        ),
        ("base: {warmth: 3}\neffects: {age: {30: {warmth: .inf}}}", "warmth=inf must be"),
        ("base: {warmth: 3}\neffects: {age: {30: {}, '30': {}}}", "effects.age.30 is given twice"),
        ("base: {warmth: 3}\neffects: {age: {true: {}}}", "effects.age.True is no value of age"),
        ("base: {warmth: 3}\neffects: {age: 5}", "effects.age must map value -> dimension"),
        ("base: {warmth: 3}\neffects: []", "effects must map attribute"),
    ],
)
def test_a_wrong_effects_file_is_one_line_that_names_the_place(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "effects.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load_latent(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["base", "effects", "order_bias"])
def test_the_latent_model_itself_refuses_what_is_not_finite(place: str, number: float) -> None:
    parameters: dict[str, Any] = {
        "base": {"base": {"warmth": number}},
        "effects": {"base": {"warmth": 3.0}, "effects": {"age": {30: {"warmth": number}}}},
        "order_bias": {"base": {"warmth": 3.0}, "order_bias": number},
    }[place]
    with pytest.raises(InputError, match=f"{place}.*={number} must be a finite number"):
        LatentModel(**parameters)


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    api = SimulatedAPI(
        "likert", **_from_shell("order_bias=1e-2"), **_from_shell("latency=1e-3"), seed=3,
        **_from_shell("logprobs=no"),
    )  # fmt: skip
    assert api.respondent.latent.order_bias == 0.01
    assert (api.latency, api.respondent.seed, api.logprobs) == (0.001, 3, False)


@pytest.mark.parametrize("written", ["30", "'30'"])
def test_effects_of_an_age_work_however_the_age_is_written(tmp_path: Path, written: str) -> None:
    file = tmp_path / "effects.yaml"
    file.write_text(
        f"base: {{warmth: 3}}\neffects: {{age: {{{written}: {{warmth: 0.3}}}}}}\n"
        "persona_sd: 0\nitem_sd: 0\n"
    )
    respondent = load_respondent(file)
    people = load_population("de")
    (person,) = sample(people, 1, seed=1, age=(30, 30))
    found = {}
    for age in (30, 31):
        text = describe({**person.attributes, "age": age}, people, language="de")
        asked = likert_wording("de").ask(text, "herzlich", None, False)
        found[age] = respondent.favourability(read_question(asked))[0]
    assert found[30] == pytest.approx(3.3)
    assert found[31] == pytest.approx(3.0)
    assert respondent.latent.effect({"age": 30}, "warmth") == 0.3


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_lexicon_is_the_table_of_items(language: str) -> None:
    """The other reader of the same file, with checks of its own, is the oracle."""
    known = lexicon(language)
    for item in load_adjectives(language):
        assert known[item.adjective] == (item.dimension, item.valence)
    with pytest.raises(TypeError):
        known["nett"] = ("warmth", 1)  # type: ignore[index]


def test_the_lexicon_of_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="language='fr' is unknown; choose one of de, en"):
        lexicon("fr")
