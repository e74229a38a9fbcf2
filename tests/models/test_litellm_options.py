"""What `litellm/...` refuses before it calls anybody; none of it needs LiteLLM."""

import subprocess
import sys
from typing import Any

import pytest
from inspect_ai.model import get_model

from pluralens.models.litellm import KEY_VARIABLES

MODEL = "litellm/groq/llama-3.1-8b-instant"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variables in KEY_VARIABLES.values():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)


def refusal(model: str = MODEL, **options: Any) -> str:
    with pytest.raises(Exception) as error:
        get_model(model, memoize=False, **options)
    assert getattr(error.value, "exit_code", None) == 2, repr(error.value)
    message: str = error.value.message  # type: ignore[attr-defined]
    assert "\n" not in message
    return message


def test_the_registry_brings_the_provider_and_not_litellm() -> None:
    code = (
        "import sys, pluralens._registry; "
        "print([m for m in ('litellm', 'openai', 'aiohttp', 'tenacity.x') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_litellm_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    assert 'pip install "pluralens[litellm]"' in refusal(api_key="k")


def test_missing_litellm_on_the_command_line(run: Any, tmp_path: Any) -> None:
    (tmp_path / "litellm.py").write_text(
        'raise ModuleNotFoundError("No module named \'litellm\'", name="litellm")'
    )
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", MODEL, "-T", "n=1",
        PYTHONPATH=str(tmp_path), GROQ_API_KEY="k",
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert 'pip install "pluralens[litellm]"' in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("model", ["litellm/", "litellm/gpt-4o", "litellm//x", "litellm/groq/"])
def test_a_model_without_service_or_name(model: str) -> None:
    assert "litellm/<service>/<model>" in refusal(model, api_key="k")


@pytest.mark.parametrize("service", sorted(KEY_VARIABLES))
def test_a_missing_key_names_its_variable(service: str) -> None:
    assert " or ".join(KEY_VARIABLES[service]) in refusal(f"litellm/{service}/x")


@pytest.mark.parametrize("option", ["drop_params", "num_retries", "temperture"])
def test_unknown_options_are_refused(option: str) -> None:
    message = refusal(api_key="k", **{option: True})
    assert option in message and "additional_drop_params" in message


@pytest.mark.parametrize("value", [True, 3, ["seed", 1], ""])
def test_names_of_parameters_must_be_names(value: Any) -> None:
    assert "seed,n" in refusal(api_key="k", additional_drop_params=value)


def test_one_address_only() -> None:
    assert "one of them" in refusal(base_url="http://a", api_base="http://b")
