from collections import Counter
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.solvers.adjectives import Adjective, load_adjectives, select_items

DIMENSIONS = {"warmth", "competence", "morality", "sociability", "assertiveness"}
HEADER = "id,adjective,dimension,valence,active,pair_id\n"
GOOD = "a1,kind,warmth,1,1,b1\n"


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "items.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("language", "letter"), [("de", "g"), ("en", "e")])
def test_built_in_tables_are_balanced(language: str, letter: str) -> None:
    items = load_adjectives(language)
    assert [item.id for item in items] == [f"{letter}{i}" for i in range(1, 41)]
    assert Counter((item.dimension, item.valence) for item in items) == {
        (dimension, valence): 4 for dimension in DIMENSIONS for valence in (1, -1)
    }
    assert len({item.adjective.casefold() for item in items}) == 40


def test_the_first_five_german_items() -> None:
    words = [item.adjective for item in load_adjectives("de")[:5]]
    assert words == ["freundlich", "kompetent", "zuverlässig", "aggressiv", "hilfsbereit"]


def test_languages_pair_up_one_to_one() -> None:
    german = {item.id: item for item in load_adjectives("de")}
    english = {item.id: item for item in load_adjectives("en")}
    assert {item.pair_id for item in german.values()} == set(english)
    for item in german.values():
        twin = english[item.pair_id]
        assert twin.pair_id == item.id
        assert (twin.dimension, twin.valence) == (item.dimension, item.valence)
    assert german["g7"].pair_id == "e7"


def test_no_item_is_a_word_for_an_attribute() -> None:
    attribute_words = "jung alt religiös gläubig männlich weiblich deutsch gebildet ledig schwul"
    attribute_words += " young old religious male female german educated single gay foreign"
    words = {item.adjective for language in ("de", "en") for item in load_adjectives(language)}
    assert not words & set(attribute_words.split())


@pytest.mark.parametrize("language", ["de", "en"])
def test_built_in_tables_name_source_and_licence(language: str) -> None:
    first = data_file("adjectives", f"{language}.csv").read_text(encoding="utf-8").split("\n")[0]
    assert first.startswith("# Source: own work") and "Apache-2.0" in first


def test_items_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        load_adjectives("de")[0].valence = 0  # type: ignore[misc]


def test_two_columns_count_as_favourable(tmp_path: Path) -> None:
    path = write(tmp_path, "# mine\n\nid,adjective\nx1,calm\nx2, quick-witted \n")
    assert load_adjectives("de", path) == (
        Adjective("x1", "calm", "unspecified", 1, "x1"),
        Adjective("x2", "quick-witted", "unspecified", 1, "x2"),
    )


def test_full_form_with_inactive_rows_quotes_and_crlf(tmp_path: Path) -> None:
    text = HEADER + 'a1,"kind, really",warmth,+1,TRUE,b1\na2,odd,warmth,0,false,b2\n'
    path = write(tmp_path, text.replace("\n", "\r\n"))
    assert load_adjectives("xx", str(path)) == (Adjective("a1", "kind, really", "warmth", 1, "b1"),)


# name: (content, what the message must contain)
BROKEN: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": (b"", ("line 1", "no header", "start it with")),
    "only comments": ("# a\n\n", ("no header",)),
    "wrong header": ("key,word\na,b\n", ("line 1", "'key,word'", "'id,adjective'")),
    "header line is counted with comments": ("#\n#\nid\n", ("line 3", "header")),
    "semicolons": ("id;adjective\na1;kind\n", ("line 1", "semicolons", "use commas")),
    "tabs": ("id\tadjective\na1\tkind\n", ("line 1", "tabs", "use commas")),
    "semicolons below": (HEADER + "a1;kind;warmth;1;1;b1\n", ("line 2", "not semicolons")),
    "BOM": (b"\xef\xbb\xbfid,adjective\na1,kind\n", ("byte order", "UTF-8 without BOM")),
    "UTF-16": ("id,adjective\na1,kind\n".encode("utf-16"), ("UTF-16", "UTF-8 without BOM")),
    "Latin-1": ("id,adjective\na1,hübsch\n".encode("latin-1"), ("line 2, byte 5", "0xfc")),
    "missing cell": (HEADER + "a1,kind,warmth,1,1\n", ("line 2", "column pair_id", "missing")),
    "extra cell": (HEADER + "a1,kind,warmth,1,1,b1,x\n", ("line 2", "column 7", "quote")),
    "empty cell": (HEADER + GOOD + "a2, ,warmth,1,1,b2\n", ("line 3", "column adjective", "empty")),
    "empty pair": (HEADER + "a1,kind,warmth,1,1,\n", ("line 2", "column pair_id", "empty")),
    "duplicate id": (
        HEADER + GOOD + "#\nA1,calm,warmth,1,1,b2\n", ("line 4", "column id", "line 2")
    ),
    "duplicate adjective": (
        HEADER + GOOD + "a2,Kind,warmth,1,1,b2\n", ("line 3", "column adjective", "line 2")
    ),
    "duplicate of an inactive row": (
        HEADER + "a1,kind,warmth,1,0,b1\na2,kind,warmth,1,1,b2\n", ("line 3", "column adjective")
    ),
    "duplicate pair": (HEADER + GOOD + "a2,calm,warmth,1,1,b1\n", ("line 3", "column pair_id")),
    "valence": (HEADER + "a1,kind,warmth,2,1,b1\n", ("line 2", "column valence", "'2'", "write 1")),
    "valence as a word": (HEADER + "a1,kind,warmth,positive,1,b1\n", ("column valence",)),
    "active": (HEADER + "a1,kind,warmth,1,yes,b1\n", ("line 2", "column active", "'yes'")),
    "dimension": (HEADER + "a1,kind,a b,1,1,b1\n", ("line 2", "column dimension", "'a b'")),
    "dimension is an id": (HEADER + "a1,kind,A1,1,1,b1\n", ("line 2", "column dimension")),
    "id with underscore": (HEADER + "a_rev,kind,warmth,1,1,b1\n", ("column id", "'a_rev'", "_rev")),
    "id with digit first": ("id,adjective\n1a,kind\n", ("line 2", "column id", "letter first")),
    "id is a result": ("id,adjective\nAsked,kind\n", ("line 2", "column id", "result column")),
    "pair id": (HEADER + "a1,kind,warmth,1,1,b-1\n", ("line 2", "column pair_id", "'b-1'")),
    "no rows": (HEADER, ("no item below the header", "add")),
    "no active rows": (HEADER + "a1,kind,warmth,1,0,b1\n", ("no item is active", "write 1")),
    "open quote": ('id,adjective\na1,"kind\na2,calm\n', ("line 2", "quotation mark")),
    "control character": ("id,adjective\na1,ki\x00nd\n", ("line 2", "column adjective", "control")),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_name_place_and_remedy(name: str, tmp_path: Path) -> None:
    content, parts = BROKEN[name]
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        load_adjectives("de", path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "key",
    "asked rated refused invalid reasked semantic aligned entropy compared mismatched".split(),
)
def test_result_keys_are_no_ids(key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"column id: '{key}'"):
        load_adjectives("de", write(tmp_path, f"id,adjective\n{key},kind\n"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: there is no such file"):
        load_adjectives("de", tmp_path / "absent.csv")
    with pytest.raises(InputError, match="this is a folder"):
        load_adjectives("de", tmp_path)
    (tmp_path / "file.csv").touch()
    with pytest.raises(InputError, match=r"cannot be read \(Not a directory\); check path"):
        load_adjectives("de", tmp_path / "file.csv" / "items.csv")
    with pytest.raises(InputError, match=r"cannot be read \(File name too long\); check path"):
        load_adjectives("de", "x" * 5000)


@pytest.mark.parametrize("language", ["fr", "", "../adjectives/de", "DE"])
def test_unknown_language_names_the_known_ones(language: str) -> None:
    with pytest.raises(InputError, match="choose de or en"):
        load_adjectives(language)


def test_select_by_id_and_dimension() -> None:
    items = load_adjectives("de")
    assert select_items(items, None) == items
    assert [item.id for item in select_items(items, " g4, g2,g4,")] == ["g2", "g4"]
    warm = select_items(items, ["warmth", "g2"])
    assert [item.id for item in warm][:3] == ["g1", "g2", "g5"]
    assert {item.dimension for item in warm} == {"warmth", "competence"}
    assert len(warm) == 9


def test_select_names_the_closest() -> None:
    items = load_adjectives("de")
    with pytest.raises(InputError, match="'warmht' is neither .* closest is 'warmth'"):
        select_items(items, "g1,warmht")
    with pytest.raises(InputError, match="closest is 'g4"):
        select_items(items, "g41")
    with pytest.raises(InputError, match="nothing is chosen"):
        select_items(items, " , ")
    with pytest.raises(InputError, match="no items to choose from"):
        select_items((), "g1")


@settings(derandomize=True, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_items_or_one_line(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "items.csv"
    path.write_bytes(b"id,adjective\n" + content)
    try:
        items = load_adjectives("de", path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert items and len({item.id.casefold() for item in items}) == len(items)


@settings(derandomize=True, deadline=None)
@given(
    words=st.lists(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(
            lambda word: word.strip() == word
        ),
        min_size=1,
        unique_by=str.casefold,
    )
)
def test_every_quoted_word_comes_back(
    words: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("words") / "items.csv"
    rows = [f'x{i},"{word.replace(chr(34), chr(34) * 2)}"\n' for i, word in enumerate(words)]
    path.write_text("id,adjective\n" + "".join(rows), encoding="utf-8")
    assert [item.adjective for item in load_adjectives("de", path)] == words
