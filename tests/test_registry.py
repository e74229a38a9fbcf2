import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from inspect_ai.util import registry_info

from pluralens import _registry

HEAVY = {
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "seaborn",
    "sklearn",
    "statsmodels",
    "torch",
    "transformers",
    "yaml",
}
LOADED = """
import json, sys
import inspect_ai
before = set(sys.modules)
import pluralens._registry
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_what_every_inspect_eval_imports_is_light() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = json.loads(done.stdout)
    assert "pluralens.evals.likert" in loaded
    assert HEAVY & {module.split(".")[0] for module in loaded} == set()


def test_inspect_finds_the_list() -> None:
    (point,) = (p for p in entry_points(group="inspect_ai") if p.name == "pluralens")
    assert point.load() is _registry


@pytest.mark.parametrize("name", _registry.__all__)
def test_everything_in_the_list_is_visible_under_the_package(name: str) -> None:
    info = registry_info(getattr(_registry, name))
    assert info.type in ("task", "solver", "scorer", "metric", "modelapi")
    assert info.name.startswith("pluralens/")


def test_nothing_hides_another_or_is_missing_from_the_list() -> None:
    # inspect keeps one object per type and name, and says nothing when a second one comes.
    infos = [registry_info(getattr(_registry, name)) for name in _registry.__all__]
    assert len({(info.type, info.name) for info in infos}) == len(infos)
    public = {name for name in vars(_registry) if not name.startswith("_")}
    assert public == set(_registry.__all__)
