import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.personas.names import full_name, has_names, read_names

GENDERS = ("male", "female", "diverse")
# UN M49 subregions with citizens in the German register of foreigners, and Germany itself.
SUBREGIONS = (
    "DE",
    "Australia and New Zealand",
    "Central Asia",
    "Eastern Asia",
    "Eastern Europe",
    "Latin America and the Caribbean",
    "Melanesia",
    "Micronesia",
    "Northern Africa",
    "Northern America",
    "Northern Europe",
    "Polynesia",
    "South-eastern Asia",
    "Southern Asia",
    "Southern Europe",
    "Sub-Saharan Africa",
    "Western Asia",
    "Western Europe",
)
keys = st.text(min_size=1)
subregions = st.sampled_from(SUBREGIONS)


def raw_lists() -> dict[tuple[str, str], list[str]]:
    """The file read without the loader under test."""
    lines = data_file("names", "de.csv").read_text(encoding="utf-8").splitlines()
    lists: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        lists[row["subregion"], row["kind"]].append(row["name"])
    return lists


LISTS = raw_lists()


def test_every_subregion_has_every_kind() -> None:
    assert {subregion for subregion, _ in LISTS} == set(SUBREGIONS)
    assert Counter(kind for _, kind in LISTS) == {
        kind: len(SUBREGIONS) for kind in (*GENDERS, "family")
    }
    assert {len(names) for names in LISTS.values()} == {12}


def test_facts_have_no_other_subregion() -> None:
    table = Path(__file__).parents[2] / "../shared/facts/population_de/countries_foreigners.csv"
    if table.is_file():  # an extra where the figures lie beside the checkout
        lines = table.read_text(encoding="utf-8").splitlines()
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        assert {row["subregion"] for row in rows} | {"DE"} == set(SUBREGIONS)


def test_given_names_belong_to_one_gender() -> None:
    for subregion in SUBREGIONS:
        given_names = [name for gender in GENDERS for name in LISTS[subregion, gender]]
        assert len(set(given_names)) == len(given_names) == 36


def test_family_names_have_one_form_for_all_genders() -> None:
    inflected = re.compile(
        r"(ov|ova|ev|eva|sk[iy]|ska|skaya|ová|ienė|aitė|ytė|opoulos|opoulou|idis|idou)$", re.I
    )
    families = {name for key, names in LISTS.items() if key[1] == "family" for name in names}
    assert not [name for name in families if inflected.search(name)]


def test_the_file_names_source_and_licence() -> None:
    first = data_file("names", "de.csv").read_text(encoding="utf-8").split("\n")[0]
    assert "own work" in first and "not a frequency table" in first and "Apache-2.0" in first


@settings(derandomize=True, deadline=None)
@given(key=keys, subregion=subregions)
def test_gender_twins_keep_the_family_name_and_the_place(key: str, subregion: str) -> None:
    places, families = set(), set()
    for gender in GENDERS:
        given_name = next(
            name
            for name in LISTS[subregion, gender]
            if full_name("de", key, subregion, gender).startswith(f"{name} ")
        )
        places.add(LISTS[subregion, gender].index(given_name))
        families.add(full_name("de", key, subregion, gender).removeprefix(f"{given_name} "))
    assert len(places) == 1
    assert len(families) == 1
    place = LISTS[subregion, "family"].index(families.pop())
    assert place // 3 == places.pop() // 3, "given and family name share a language"


@settings(derandomize=True, deadline=None)
@given(key=keys, first=subregions, second=subregions, gender=st.sampled_from(GENDERS))
def test_origin_twins_keep_both_places(key: str, first: str, second: str, gender: str) -> None:
    def places(subregion: str) -> tuple[int, int]:
        pairs = {
            f"{given_name} {family}": (i, j)
            for i, given_name in enumerate(LISTS[subregion, gender])
            for j, family in enumerate(LISTS[subregion, "family"])
        }
        return pairs[full_name("de", key, subregion, gender)]

    assert places(first) == places(second)


def test_names_are_the_same_on_every_machine() -> None:
    assert full_name("de", "p0", "DE", "male") == "Daniel Becker"
    assert full_name("de", "p0", "Western Asia", "female") == "Rania Al-Khatib"


def test_names_are_drawn_evenly() -> None:
    drawn = Counter(full_name("de", f"key-{i}", "DE", "female") for i in range(3600))
    # 12 given names x 3 family names of the same language, 100 expected each (chi-square, 35
    # degrees of freedom: 99.9 % quantile 66.6).
    assert len(drawn) == 36
    assert sum((count - 100) ** 2 / 100 for count in drawn.values()) < 66.6


def test_has_names() -> None:
    assert has_names("de")
    assert not has_names("us")
    assert not has_names("../names/de")


def test_unknown_population_subregion_and_gender() -> None:
    with pytest.raises(InputError, match="population 'us' .*there are for de"):
        full_name("us", "p0", "DE", "male")
    with pytest.raises(InputError, match="'Western asia'; .* closest is 'Western Asia'"):
        full_name("de", "p0", "Western asia", "male")
    with pytest.raises(InputError, match="gender 'family' has no names; use male"):
        full_name("de", "p0", "DE", "family")


HEADER = "subregion,kind,name\n"


def lists_of(length: int, subregion: str = "X", drop: str = "") -> str:
    return "".join(
        f"{subregion},{kind},{kind}{i}\n"
        for kind in (*GENDERS, "family")
        if kind != drop
        for i in range(length)
    )


def test_own_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(HEADER + lists_of(3), encoding="utf-8")
    assert read_names(path, "own.csv")["X"]["male"] == ("male0", "male1", "male2")


BROKEN: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("line 1", "no header", "start it with")),
    "no rows": (HEADER, ("no name below the header", "add")),
    "wrong header": ("kind,name\n", ("line 1", "'kind,name'", "'subregion,kind,name'")),
    "semicolons": ("subregion;kind;name\n", ("line 1", "semicolons", "use commas")),
    "tabs": ("subregion\tkind\tname\n", ("line 1", "tabs", "use commas")),
    "BOM": (b"\xef\xbb\xbf" + HEADER.encode(), ("byte order mark", "UTF-8 without BOM")),
    "Latin-1": (HEADER.encode() + b"X,male,J\xf6rg\n", ("line 2, byte 9", "save as UTF-8")),
    "missing cell": (HEADER + "X,male\n", ("line 2", "column name", "fill in")),
    "extra cell": (HEADER + "X,male,a,b\n", ("line 2", "column 4", "quote")),
    "empty cell": (HEADER + "X,,a\n", ("line 2", "column kind", "empty", "fill it in")),
    "unknown kind": (HEADER + "#\nX,man,a\n", ("line 3", "column kind", "'man'", "use male")),
    "repeated": (HEADER + "X,male,a\nX,male,A\n", ("line 3", "column name", "line 2 as male")),
    "two genders": (HEADER + "X,male,a\nX,female,a\n", ("line 3", "line 2 as male", "keep one")),
    "missing list": (HEADER + lists_of(3, drop="diverse"), ("'X'", "kind diverse: 0 names")),
    "no threes": (HEADER + lists_of(4), ("'X'", "4 names", "multiple of 3")),
    "other length": (HEADER + lists_of(3) + lists_of(6, "Y"), ("'Y'", "6 names", "has 3", "equal")),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_name_place_and_remedy(name: str, tmp_path: Path) -> None:
    content, parts = BROKEN[name]
    path = tmp_path / "broken.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_names(path, "datasets/names/broken.csv")
    message = str(caught.value)
    assert message.startswith("datasets/names/broken.csv")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: there is no such file; check"):
        read_names(tmp_path / "absent.csv", "absent.csv")
    with pytest.raises(InputError, match="this is a folder; name the CSV file"):
        read_names(tmp_path, "names")
