"""The own contested questions: enough of them, evenly spread, readable, no two alike."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from pluralens._strict_csv import read_rows

FILE = Path(__file__).parents[2] / "datasets" / "questions" / "contested.en.csv"
COLUMNS = ("id", "topic", "question", "language")
ROWS = [row.cells for row in read_rows(FILE, FILE.name, (COLUMNS,))]
WORD = re.compile(r"[a-z']+")
# Words that tell no question from another.
COMMON = frozenset(
    "a an and are as at be better by can do does for from good has have how i if in is it me my of "
    "on or our people right should so somebody someone than that the their them they think to up "
    "us was we what when who with would wrong you".split()
)
# Expressions that give the wanted answer away.
LEADING = ("isn't it", "don't you", "surely", "obviously", "of course", "everyone knows")


def words(question: str) -> frozenset[str]:
    return frozenset(WORD.findall(question.lower())) - COMMON


def test_header_names_source_and_licence() -> None:
    comments = [line for line in FILE.read_text("utf-8").splitlines() if line.startswith("#")]
    assert any("Source: own" in line for line in comments)
    assert any("CC0" in line for line in comments)


def test_at_least_150_questions_over_15_topics_evenly() -> None:
    topics = Counter(row["topic"] for row in ROWS)
    assert len(ROWS) >= 150
    assert len(topics) >= 15
    assert set(topics.values()) == {10}
    assert {row["language"] for row in ROWS} == {"en"}


def test_ids_are_unique_and_number_their_topic() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    prefixes: dict[str, set[str]] = {}
    for row in ROWS:
        match = re.fullmatch(r"([a-z]+)-(\d{2})", row["id"])
        assert match, row["id"]
        prefixes.setdefault(row["topic"], set()).add(match[1])
    assert all(len(found) == 1 for found in prefixes.values())
    assert len(set.union(*prefixes.values())) == len(prefixes)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_question_is_one_plain_sentence(row: dict[str, str]) -> None:
    question = row["question"]
    assert 8 <= len(question.split()) <= 40
    assert question.isascii() and question == " ".join(question.split())
    assert question[0].isupper() and question[-1] in "?."
    assert question.count("?") <= 1 and '"' not in question
    assert not [phrase for phrase in LEADING if phrase in question.lower()]


def test_no_two_questions_are_alike() -> None:
    assert len({row["question"].casefold() for row in ROWS}) == len(ROWS)
    for one, other in combinations(ROWS, 2):
        a, b = words(one["question"]), words(other["question"])
        assert len(a & b) / len(a | b) < 0.4, (one["id"], other["id"])


def test_forms_vary() -> None:
    first = Counter(row["question"].split()[0] for row in ROWS)
    assert len(first) >= 8
    assert max(first.values()) / len(ROWS) <= 0.55
    personal = [row for row in ROWS if re.search(r"\b(I|my|me|you|your)\b", row["question"])]
    assert len(personal) >= 40
