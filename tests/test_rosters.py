"""What may stand in a roster; everything else is one line with file and line."""

import json
from pathlib import Path

import pytest
from inspect_ai.model import GenerateConfig

from pluralens.errors import InputError
from pluralens.rosters.roster import read_roster
from pluralens.rosters.settings import SETTINGS

GOOD = """\
models:
  - model: openrouter/meta-llama/llama-3.3-70b-instruct:free
    concurrency: 2
  - model: openai-api/local/qwen
    base_url: http://localhost:8000/v1
    concurrency: 16
    label: Qwen here
    model_args:
      tokenizer_path: somewhere
    config:
      temperature: 0.7
      max_tokens: 100
      stop_seqs: [a, b]
      max_retries: 5
"""
ONE = "- model: openai/x\n  concurrency: 2\n"


def write(folder: Path, text: str, name: str = "models.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_roster(path)
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(path))
    assert "; " in message, "no remedy"
    return message


def test_everything_that_may_stand_there(tmp_path: Path) -> None:
    roster = read_roster(write(tmp_path, GOOD))
    first, second = roster.models
    assert (first.model, first.concurrency) == (
        "openrouter/meta-llama/llama-3.3-70b-instruct:free",
        2,
    )
    assert first.label == first.model and first.base_url is None
    assert first.place == f"{tmp_path / 'models.yaml'}, line 2"
    assert (second.label, second.base_url) == ("Qwen here", "http://localhost:8000/v1")
    assert second.model_args == {"tokenizer_path": "somewhere"}
    assert second.config == {
        "temperature": 0.7, "max_tokens": 100, "stop_seqs": ["a", "b"], "max_retries": 5,
    }  # fmt: skip
    assert second.place.endswith("line 4")


def test_a_bare_list_and_json_are_the_same(tmp_path: Path) -> None:
    entry = {"model": "openai/x", "concurrency": 2}
    texts = [
        ONE,
        "models:\n" + ONE,
        json.dumps([entry]),
        json.dumps({"models": [entry]}, indent="\t"),
        "\ufeff" + ONE.replace("\n", "\r\n"),
    ]
    found = [read_roster(write(tmp_path, text)).models[0] for text in texts]
    assert {(m.model, m.concurrency, m.label) for m in found} == {("openai/x", 2, "openai/x")}


def test_the_settings_are_inspects() -> None:
    assert set(SETTINGS) <= set(GenerateConfig.model_fields)
    good = {"stop_seqs": ["x"], "reasoning_effort": "low"}
    GenerateConfig(**{name: good.get(name, 1) for name in SETTINGS})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        # Concurrency.
        ("- model: openai/x\n", 1, "openai/x has no concurrency"),
        ("- model: openai/x\n  concurrency: 0\n", 2, "0 is no whole number from 1 on"),
        ("- model: openai/x\n  concurrency: -1\n", 2, "-1 is no whole number"),
        ('- model: openai/x\n  concurrency: "3"\n', 2, "'3' is no whole number"),
        ("- model: openai/x\n  concurrency: true\n", 2, "True is no whole number"),
        ("- model: openai/x\n  concurrency: 2.5\n", 2, "2.5 is no whole number"),
        ("- model: openai/x\n  concurrency: 2.0\n", 2, "2.0 is no whole number"),
        ("- model: openai/x\n  concurrency:\n", 2, "None is no whole number"),
        ("- model: openai/x\n  concurrency: [3]\n", 2, "[3] is no whole number"),
        # Keys.
        ("- model: openai/x\n  concurency: 3\n", 2, "the closest is 'concurrency'"),
        (ONE + "  baseurl: http://x\n", 3, "the closest is 'base_url'"),
        (ONE + "  7: x\n", 3, "no key 7 here; there are model, concurrency"),
        ("modells:\n" + ONE, 1, "the closest is 'models'"),
        ("models:\n" + ONE + "defaults: {}\n", 4, "no key 'defaults' here"),
        ("- concurrency: 3\n", 1, "`model` is missing"),
        # The model.
        ("- model: gpt-5\n  concurrency: 3\n", 1, "'gpt-5' has no provider"),
        ("- model: /gpt-5\n  concurrency: 3\n", 1, "has no provider"),
        ("- model: openai/\n  concurrency: 3\n", 1, "has no provider"),
        ("- model: none\n  concurrency: 3\n", 1, "has no provider"),
        ("- model: openai/x,openai/y\n  concurrency: 3\n", 1, "is not one model"),
        ("- model: openai/x y\n  concurrency: 3\n", 1, "is not one model"),
        ("- model: 5\n  concurrency: 3\n", 1, "5 is no model"),
        ("- model:\n  concurrency: 3\n", 1, "None is no model"),
        # Twins.
        (ONE + ONE, 3, "stands already in models.yaml, line 1"),
        (ONE + ONE + "  label: y\n", 3, "stands already"),
        (ONE + ONE + "  config: {max_retries: 3}\n", 3, "stands already"),
        (ONE + ONE + "  base_url: http://x\n", 3, "does not tell logs apart by base_url"),
        (ONE + ONE + "  config: {seed: 1}\n", 3, "tell them apart with `label:`"),
        # The whole.
        ("", 1, "there are no models"),
        ("# nothing\n", 1, "there are no models"),
        ("[]", 1, "there are no models"),
        ("models:\n", 1, "there are no models"),
        ("models: []\n", 1, "there are no models"),
        ("{}", 1, "there are no models; begin with `models:`"),
        ("openai/x", 1, "'openai/x' is no list of models"),
        ("models: openai/x\n", 1, "'openai/x' is no list of models"),
        ("models:\n  model: openai/x\n  concurrency: 3\n", 1, "is no list of models"),
        ("- openai/x\n", 1, "'openai/x' is no model with its concurrency"),
        # YAML.
        ("- model: openai/x\n  concurrency: 3\n concurrency: 4\n", 3, "not valid YAML"),
        ("- model: 'openai/x\n", 2, "not valid YAML"),
        ("- model: openai/x\n\tconcurrency: 3\n", 2, "a tab in the indentation"),
        (ONE + "  concurrency: 3\n", 3, "'concurrency' stands here twice"),
        ('{"models": [], "models": []}', 1, "'models' stands here twice"),
        ("- !!python/object:os.system {}\n", 1, "not valid YAML"),
        ("- model: *x\n", 1, "not valid YAML"),
        # The rest of a model.
        (ONE + "  base_url: localhost:8000\n", 3, "'localhost:8000' is no address"),
        (ONE + "  base_url: 3\n", 3, "3 is no address"),
        (ONE + "  label: ''\n", 3, "'' is no label"),
        (ONE + "  label: 3\n", 3, "3 is no label"),
        (ONE + "  model_args: [x]\n", 3, "['x'] is no set of names with values"),
        (ONE + "  model_args:\n", 3, "None is no set of names"),
        (ONE + "  model_args:\n    base_url: http://x\n", 4, "write it beside `model`"),
        (ONE + "  model_args:\n    memoize: true\n", 4, "delete it"),
        (ONE + "  config: 3\n", 3, "3 is no set of names with values"),
        (ONE + "  config:\n    temprature: 1\n", 4, "the closest is 'temperature'"),
        (ONE + "  config:\n    temperature: warm\n", 4, "'warm' is not a number from 0 to 2"),
        (ONE + "  config:\n    temperature: true\n", 4, "True is not a number"),
        (ONE + "  config:\n    temperature: .nan\n", 4, "nan is not a number"),
        (ONE + "  config:\n    temperature: 20\n", 4, "20 is not a number from 0 to 2"),
        (ONE + "  config:\n    max_tokens: 0\n", 4, "0 is not a whole number of at least 1"),
        (ONE + "  config:\n    seed: 1.5\n", 4, "1.5 is not a whole number"),
        (ONE + "  config:\n    stop_seqs: x\n", 4, "'x' is not a list of texts"),
        (ONE + "  config:\n    reasoning_effort: much\n", 4, "'much' is not one of none,"),
        (ONE + "  config:\n    max_connections: 3\n", 4, "this is the model's concurrency"),
    ],
)  # fmt: skip
def test_what_is_wrong(tmp_path: Path, text: str, line: int, words: str) -> None:
    message = refused(write(tmp_path, text))
    assert f", line {line}" in message and words in message, message


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ("  api_key: {}\n", 3),
        ("  apiKey: {}\n", 3),
        ("  model_args:\n    api_key: {}\n", 4),
        ("  model_args:\n    auth_token: {}\n", 4),
        ("  model_args:\n    aws_secret_access: {}\n", 4),
        ("  model_args:\n    default_headers:\n      Authorization: {}\n", 5),
        ("  model_args:\n    extra: [x, sk-{}]\n", 4),
        ("  base_url: https://me:{}@example.org/v1\n", 3),
    ],
)
def test_a_secret_is_refused_and_not_repeated(tmp_path: Path, rest: str, line: int) -> None:
    secret = "abcdefghijklmnop1234567890"
    message = refused(write(tmp_path, ONE + rest.format(secret)))
    assert f", line {line}" in message and "environment variable" in message
    assert secret not in message


def test_words_that_only_resemble_secrets(tmp_path: Path) -> None:
    args = "  model_args: {tokenizer: x, max_tokens_cap: 3, keyboard: y, monkey: z}\n"
    assert len(read_roster(write(tmp_path, ONE + args)).models) == 1


def test_the_same_model_with_other_settings_and_a_label(tmp_path: Path) -> None:
    other = ONE + "  label: warm\n  config: {temperature: 1}\n"
    assert [m.label for m in read_roster(write(tmp_path, ONE + other)).models] == [
        "openai/x",
        "warm",
    ]


def test_no_file(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "nobody.yaml")
    assert "this is a folder" in refused(tmp_path)
    (tmp_path / "x.yaml").write_bytes(b"- model: \xff\n")
    assert "line 1: byte 0xff is not UTF-8" in refused(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_bytes(b"PK\x03\x04\x00")
    assert "not valid YAML" in refused(tmp_path / "x.yaml")
    assert "too deep" in refused(write(tmp_path, "[" * 5000 + "]" * 5000))
