from pathlib import Path

import pytest

from pluralens._yaml_documents import DEEPEST, Folder
from pluralens.errors import InputError
from pluralens.personas.population import load_population


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 5_000 + "]" * 5_000,
        "{a: " * 2_000 + "1" + "}" * 2_000,
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "a: &a [1, *a]",
        # Aliases of aliases: two to the power of 60 lists, if they were counted out.
        "\n".join(["l0: &l0 [1]"] + [f"l{i}: &l{i} [*l{i - 1}, *l{i - 1}]" for i in range(1, 60)]),
    ],
    ids=["open", "lists", "mappings", "one too many", "of itself", "aliases"],
)
def test_what_stands_in_itself_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=r"too deeply; remove|not valid YAML") as refused:
        Folder(tmp_path, "here").read_yaml("x.yaml")
    assert "\n" not in str(refused.value)


def test_the_deepest_that_is_read_and_its_places(tmp_path: Path) -> None:
    levels = DEEPEST - 1
    (tmp_path / "x.yaml").write_text("a:\n  " + "[" * levels + "1" + "]" * levels)
    read = Folder(tmp_path, "here").read_yaml("x.yaml")
    error = read.error(("a", *[0] * levels), "wrong", "do this")
    assert f"line 2, column {3 + levels}" in str(error)


def test_a_nested_population_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "population.yaml").write_text("attributes: " + "[" * 900 + "]" * 900)
    with pytest.raises(InputError, match="too deeply"):
        load_population(tmp_path)
