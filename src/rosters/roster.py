"""A roster: models, each with how many requests it may be asked at once.

A file in YAML (or JSON, which is YAML) such as

    models:
      - model: openrouter/meta-llama/llama-3.3-70b-instruct:free
        concurrency: 2
      - model: openai-api/local/qwen
        base_url: http://localhost:8000/v1
        concurrency: 16
        label: Qwen here
        config:
          temperature: 0.7
          max_retries: 5

Each model has

- `model`: provider and name, as in inspect's `--model`;
- `concurrency`: the most requests at once, never left out: providers punish what is above theirs;
- `base_url`: address of the service, if not the provider's own;
- `model_args`: what inspect's `-M` takes;
- `config`: settings of its own, of `pluralens.rosters.settings`;
- `label`: how tables call it, if not by its name.

Keys and passwords do not belong here: providers read them from environment variables.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.rosters.settings import SETTINGS, TRANSPORT, secrets, wrong_setting

if TYPE_CHECKING:
    from pluralens._yaml_documents import YamlFile

__all__ = ["Roster", "RosterModel", "read_roster"]

KEYS = ("model", "concurrency", "base_url", "model_args", "config", "label")
EXAMPLE = "write `- model: openai/gpt-5` and below it `concurrency: 5`"
# Arguments of a model that have a key of their own, or none, in a roster.
NOT_MODEL_ARGS = ("model", "base_url", "config", "role", "required", "default", "memoize")


@dataclass(frozen=True)
class RosterModel:
    """A model of a roster.

    Attributes:
        model: Provider and name.
        concurrency: Most requests at once.
        label: How tables call it.
        base_url: Address of the service; None for the provider's own.
        model_args: Arguments for the provider.
        config: Settings for generation and waiting.
        place: File and line, for errors.
    """

    model: str
    concurrency: int
    label: str
    base_url: str | None = None
    model_args: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""

    @property
    def identity(self) -> str:
        """What answers depend on, as far as inspect tells logs apart: not by address."""
        said = {k: v for k, v in self.config.items() if k not in TRANSPORT}
        return json.dumps([self.model, dict(self.model_args), said], sort_keys=True, default=str)


@dataclass(frozen=True)
class Roster:
    """The models of a file, in its order."""

    name: str
    models: tuple[RosterModel, ...]


def read_roster(path: str | Path) -> Roster:
    """Read a roster.

    Raises:
        InputError: It is no file, no YAML or nested too deeply, or one of its models is not as
            described above.
    """
    return _roster(_yaml(Path(path)))


def _roster(file: "YamlFile") -> Roster:
    under: tuple[str, ...] = ()
    found = file.data
    if isinstance(found, Mapping):
        _refuse_unknown(file, (), found, ("models",))
        if "models" not in found:
            raise file.error((), "there are no models", f"begin with `models:`, then {EXAMPLE}")
        under, found = ("models",), found["models"]
    if found is None or found == []:
        raise file.error(under, "there are no models", EXAMPLE)
    if not isinstance(found, list):
        raise file.error(under, f"{_shown(found)} is no list of models", EXAMPLE)
    models: list[RosterModel] = []
    for i, given in enumerate(found):
        model = _model(file, (*under, i), given)
        _refuse_twin(file, (*under, i), model, models)
        models.append(model)
    return Roster(file.name, tuple(models))


def _yaml(path: Path) -> "YamlFile":
    from pluralens._yaml_documents import Folder

    if path.is_dir():
        raise InputError(f"{path}: this is a folder; name the file of the roster in it")
    if not path.exists():
        raise InputError(f"{path}: there is no such file; write a roster, or correct --roster")
    try:
        file = Folder(path.parent, str(path.parent)).read_yaml(path.name)
        # What finds the places of errors is stricter than what reads: JSON may be full of tabs.
        return replace(file, text=file.text.replace("\t", " "))
    except InputError:
        # A tab is invisible, and YAML's own words for it are about tokens.
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if re.match(r" *\t", line):
                raise InputError(
                    f"{path}, line {number}: a tab in the indentation; indent with spaces"
                ) from None
        raise


def _model(file: "YamlFile", place: tuple[str | int, ...], given: Any) -> RosterModel:
    """One model, every part of it checked."""
    if not isinstance(given, Mapping):
        raise file.error(place, f"{_shown(given)} is no model with its concurrency", EXAMPLE)
    for where in secrets(given):
        raise file.error(
            (*place, *where),
            "a key or password",
            "delete it and set the provider's environment variable, such as OPENAI_API_KEY",
        )
    _refuse_unknown(file, place, given, KEYS)
    model = _name(file, place, given)
    _check_concurrency(file, place, given)
    base_url, label = given.get("base_url"), given.get("label", model)
    if base_url is not None and not (
        isinstance(base_url, str) and re.fullmatch(r"https?://[^\s/]\S*", base_url)
    ):
        raise file.error(
            (*place, "base_url"),
            f"{_shown(base_url)} is no address",
            "write it as in https://example.org/v1",
        )
    if not isinstance(label, str) or not label.strip() or not label.isprintable():
        raise file.error((*place, "label"), f"{_shown(label)} is no label", "write a short text")
    line = re.match(r"(.*?, line \d+)", str(file.error(place, "", "")))
    return RosterModel(
        model=model,
        concurrency=given["concurrency"],
        label=label,
        base_url=base_url,
        model_args=_model_args(file, place, given),
        config=_config(file, place, given),
        place=line[1] if line else file.name,
    )


def _name(file: "YamlFile", place: tuple[str | int, ...], given: Mapping[str, Any]) -> str:
    if "model" not in given:
        raise file.error(place, "`model` is missing", "add it, as in `model: openai/gpt-5`")
    name = given["model"]
    problem = None
    if not isinstance(name, str) or not name:
        problem = f"{_shown(name)} is no model"
    elif re.search(r"[\s,]", name) or not name.isprintable():
        problem = f"{_shown(name)} is not one model"
    elif not all(name.partition("/")):
        problem = f"the model {_shown(name)} has no provider"
    if problem:
        remedy = "write provider and name of one model, as in openai/gpt-5"
        raise file.error((*place, "model"), problem, remedy)
    return str(name)


def _check_concurrency(
    file: "YamlFile", place: tuple[str | int, ...], given: Mapping[str, Any]
) -> None:
    remedy = "say how many requests at once the provider allows, as in `concurrency: 5`"
    if "concurrency" not in given:
        raise file.error(place, f"{given['model']} has no concurrency", remedy)
    value = given["concurrency"]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise file.error(
            (*place, "concurrency"), f"{_shown(value)} is no whole number from 1 on", remedy
        )


def _model_args(
    file: "YamlFile", place: tuple[str | int, ...], given: Mapping[str, Any]
) -> dict[str, Any]:
    found = _mapping(file, place, given, "model_args", "device: cpu")
    for key in found:
        if key in NOT_MODEL_ARGS:
            raise file.error(
                (*place, "model_args", key),
                f"{key} is no argument of a provider",
                "write it beside `model`" if key in KEYS else "delete it",
            )
    return found


def _config(
    file: "YamlFile", place: tuple[str | int, ...], given: Mapping[str, Any]
) -> dict[str, Any]:
    found = _mapping(file, place, given, "config", "temperature: 0.7")
    if "max_connections" in found:
        raise file.error(
            (*place, "config", "max_connections"),
            "this is the model's concurrency",
            "delete it; `concurrency` stands beside `model`",
        )
    _refuse_unknown(file, (*place, "config"), found, tuple(SETTINGS))
    for key, value in found.items():
        must = wrong_setting(key, value)
        if must is not None:
            raise file.error(
                (*place, "config", key), f"{_shown(value)} is not {must}", "correct or delete it"
            )
    return found


def _mapping(
    file: "YamlFile",
    place: tuple[str | int, ...],
    given: Mapping[str, Any],
    key: str,
    example: str,
) -> dict[str, Any]:
    found = given.get(key, {})
    if not isinstance(found, Mapping) or not all(isinstance(k, str) for k in found):
        raise file.error(
            (*place, key),
            f"{_shown(found)} is no set of names with values",
            f"write them below it, as in `{example}`, or delete `{key}`",
        )
    return dict(found)


def _refuse_unknown(
    file: "YamlFile",
    place: tuple[str | int, ...],
    given: Mapping[str, Any],
    known: Sequence[str],
) -> None:
    for key in given:
        if key in known:
            continue
        close = get_close_matches(str(key), known, n=1)
        raise file.error(
            (*place, str(key)),
            f"there is no key {_shown(key)} here",
            f"the closest is {close[0]!r}" if close else f"there are {', '.join(known)}",
        )


def _refuse_twin(
    file: "YamlFile",
    place: tuple[str | int, ...],
    model: RosterModel,
    earlier: Sequence[RosterModel],
) -> None:
    for other in earlier:
        if other.identity == model.identity:
            only = other.base_url != model.base_url
            raise file.error(
                place,
                f"{model.model} with the same settings stands already in "
                f"{os.path.basename(other.place)}"
                + (", and inspect does not tell logs apart by base_url" if only else ""),
                "delete one of them, or give it other model_args or another config",
            )
        if other.label == model.label:
            raise file.error(
                place,
                f"{_shown(model.label)} is also what the model in "
                f"{os.path.basename(other.place)} is called",
                "tell them apart with `label:`",
            )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
