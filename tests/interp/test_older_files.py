"""Result files in the form of older research code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pluralens.errors import InputError
from pluralens.interp.export import (
    by_layer,
    by_layer_and_head,
    older_name,
    probes_by_layer,
    write_older_files,
)


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_numbers_are_named_as_older_code_names_them() -> None:
    effects = np.array([[0.5, -1.0], [np.nan, 2.0]])
    assert by_layer_and_head(effects) == {"0_0": 0.5, "0_1": -1.0, "1_0": None, "1_1": 2.0}
    assert by_layer([0.25, np.inf]) == {"0": 0.25, "1": None}
    assert probes_by_layer([0.5, 0.75], [np.nan, 0.875]) == {
        "0": {"accuracy": 0.5, "auc": None},
        "1": {"accuracy": 0.75, "auc": 0.875},
    }
    assert older_name("stereoset", "race") == "stereoset_race"
    assert older_name("winogender", "all") == "winogender"


def test_each_data_set_has_its_files_and_its_entry(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "gpt2"
    heads = {"head_ablations": {"0_0": 0.5}}
    written = write_older_files(folder, "winogender", heads, baseline=0.25)
    assert [path.name for path in written] == ["head_ablations_winogender.json", "summary.json"]
    write_older_files(folder, "stereoset_race", {}, baseline=float("nan"))
    write_older_files(folder, "winogender", {}, probes={"best_layer": 3})
    assert read(folder / "head_ablations_winogender.json") == {"0_0": 0.5}
    assert read(folder / "summary.json") == {
        "winogender": {"baseline": 0.25},
        "stereoset_race": {"baseline": None},
    }
    assert read(folder / "linear_probing_summary.json") == {"winogender": {"best_layer": 3}}


@pytest.mark.parametrize("content", ["{", "[]", '{"winogender": 5}', "\udcff"])
def test_a_summary_that_is_none_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "summary.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="summary.json: .*; delete it or give another export"):
        write_older_files(tmp_path, "winogender", {}, baseline=1.0)
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="give another export folder"):
        write_older_files(tmp_path / "file", "winogender", {"mlp_ablations": {}})
