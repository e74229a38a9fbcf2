"""The cache of results: hits, misses, damage, other processes."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pluralens.interp import cache as room
from pluralens.interp.cache import ResultCache, Stored, cache_folder, packed, unpacked

KEY = {"what": "scan", "rows": 3}


class Made:
    """Makes a result and counts how often."""

    def __init__(self, number: float = 1.5) -> None:
        self.times = 0
        self.number = number

    def __call__(self) -> Stored:
        self.times += 1
        values = np.array([self.number, np.nan], np.float32)
        return Stored({"a": values, "names": np.array(["é", "b"])}, {"mode": "mean", "k": [1]})


def same(one: Stored, other: Stored) -> bool:
    alike = [np.array_equal(one.arrays[k], other.arrays[k], equal_nan=k == "a") for k in one.arrays]
    return set(one.arrays) == set(other.arrays) and all(alike) and one.about == other.about


def test_a_second_look_up_computes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    made, cache = Made(), ResultCache(tmp_path / "new" / "folder")
    first, before = cache.fetch(KEY, made)
    second, after = ResultCache(tmp_path / "new" / "folder").fetch(
        dict(reversed(KEY.items())), made
    )
    assert (before, after, made.times) == ("computed", "hit", 1)
    assert same(first, second) and second.arrays["a"].dtype == np.float32


@pytest.mark.parametrize("change", [{"rows": 4}, {"what": "other"}, {"new": None}])
def test_another_key_is_another_result(tmp_path: Path, change: dict[str, Any]) -> None:
    made, cache = Made(), ResultCache(tmp_path)
    cache.fetch(KEY, made)
    assert cache.fetch({**KEY, **change}, made)[1] == "computed" and made.times == 2


def test_other_code_is_another_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, cache = Made(), ResultCache(tmp_path)
    cache.fetch(KEY, made)
    monkeypatch.setattr(room, "code_version", lambda: "later")
    assert cache.fetch(KEY, made)[1] == "computed" and made.times == 2


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGE = {
    "one bit": flip,
    "cut off": lambda data: data[:-7],
    "empty": lambda data: b"",
    "longer": lambda data: data + b"x",
    "something else": lambda data: b"PK\x03\x04" + data,
    "another number": lambda data: _entry(9.0),
}


def _entry(number: float) -> bytes:
    """A sound file that is no entry: right numbers' form, no checksum."""
    return packed({"a": np.array([number])}, {"key": KEY, "about": {}})


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_entry_is_computed_again_and_mended(tmp_path: Path, kind: str) -> None:
    made, cache = Made(), ResultCache(tmp_path)
    first, _ = cache.fetch(KEY, made)
    (file,) = tmp_path.iterdir()
    file.write_bytes(DAMAGE[kind](file.read_bytes()))
    found, status = cache.fetch(KEY, made)
    assert status == "recomputed: the entry was damaged" and same(found, first)
    assert cache.fetch(KEY, made)[1] == "hit" and made.times == 2


def test_an_entry_under_another_name_is_not_believed(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    cache.fetch(KEY, Made(1.0))
    (one,) = tmp_path.iterdir()
    kept = one.read_bytes()
    one.unlink()
    cache.fetch({**KEY, "rows": 4}, Made(2.0))
    (other,) = tmp_path.iterdir()
    other.write_bytes(kept)
    found, status = cache.fetch({**KEY, "rows": 4}, Made(2.0))
    assert status == "recomputed: the entry was damaged" and found.arrays["a"][0] == 2.0


def test_without_a_folder_nothing_is_kept() -> None:
    made, cache = Made(), ResultCache(None)
    assert [cache.fetch(KEY, made)[1] for _ in range(2)] == ["off", "off"] and made.times == 2


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert ResultCache(tmp_path / "in").fetch(KEY, Made())[1] == "not kept"


def test_a_file_in_place_of_the_folder_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    found, status = ResultCache(tmp_path / "file").fetch(KEY, Made())
    assert status == "not kept" and found.arrays["a"][0] == 1.5


def test_many_at_once_leave_one_sound_entry(tmp_path: Path) -> None:
    def look(number: int) -> float:
        return float(ResultCache(tmp_path).fetch(KEY, Made(1.5))[0].arrays["a"][0])

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(look, range(40))) == {1.5}
    assert len(list(tmp_path.iterdir())) == 1
    made = Made()
    assert ResultCache(tmp_path).fetch(KEY, made)[1] == "hit" and not made.times


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder()
    assert folder.parts[-2:] == ("pluralens", "interp") and not folder.exists()


def test_the_same_content_is_the_same_bytes() -> None:
    arrays = {"a": np.arange(3.0), "b": np.array(["x"])}
    first, second = (packed(arrays, {"n": 1, "m": 2}), packed(arrays, {"m": 2, "n": 1}))
    assert first == second
    found, about = unpacked(first)
    assert about == {"n": 1, "m": 2} and np.array_equal(found["a"], arrays["a"])
    # Anybody's numpy reads it, without pickles.
    with pytest.raises(ValueError):
        unpacked(first[:-9])
