"""One broken copy of the German population per thing that can be wrong in a table."""

import re
from pathlib import Path

import pytest
from broken_population import Edit, append, complaint, drop_column, drop_line, raw, remove, swap

from pluralens.personas.population import load_population

YAML = "population.yaml"
MARITAL = "marital_status.csv"

CASES: dict[str, tuple[Edit, str]] = {
    "missing file": (remove("religion.csv"), r"religion\.csv: there is no such file"),
    "not UTF-8": (
        raw("religion.csv", "# Türkei\n".encode("latin-1")),
        r"religion\.csv, line 1: byte 0xfc is not UTF-8",
    ),
    "empty table": (
        raw("religion.csv", b"# nothing\n"),
        r"religion\.csv, line 1: the table is empty",
    ),
    "semicolons": (
        raw("religion.csv", b"origin;christian\nDE;1\n"),
        r"line 1: the cells are not separated; use commas",
    ),
    "too few cells": (
        swap("religion.csv", ",Turkey", ""),
        r"line 6, column note: 8 cells for 9 columns",
    ),
    "too many cells": (swap("religion.csv", "Turkey", "Turkey,x"), r"line 6, column 10: 10 cells"),
    "open quote": (swap("religion.csv", "Turkey", '"Turkey'), r"line 6: a quotation mark"),
    "column twice": (
        swap("religion.csv", "hindu,jewish", "hindu,hindu"),
        r"column hindu: the column occurs twice",
    ),
    "nameless column": (swap("religion.csv", "jewish,", ","), r"line 4, column 7: no name"),
    "missing value column": (
        drop_column("religion.csv", "hindu"),
        r"religion\.csv, line 1, column hindu: the column is missing",
    ),
    "missing parent column": (
        drop_column("religion.csv", "origin"),
        r"religion\.csv, line 1, column origin: the column is missing",
    ),
    "missing band column": (
        drop_column(MARITAL, "age_to"),
        r"column age_to: the column is missing",
    ),
    "undeclared column": (
        swap("religion.csv", "note", "pagan"),
        r"line 4, column pagan: 'pagan' is neither a declared value nor a parent",
    ),
    "undeclared column, long": (
        raw("age.csv", b"value,weight,sex\n0,1,male\n"),
        r"age\.csv, line 1, column sex: 'sex' is neither a parent nor",
    ),
    "undeclared value in parent": (
        swap("religion.csv", "\nTR,", "\nTRX,"),
        r"line 6, column origin: 'TRX' is not a value of origin.*closest is 'TR'",
    ),
    "undeclared value, long": (
        swap("origin.csv", "with_background,TR,", "with_background,TT,"),
        r"origin\.csv, line 6, column value: 'TT' is not a declared value",
    ),
    "negative weight": (
        swap("religion.csv", "TR,0.14", "TR,-0.14"),
        r"religion\.csv, line 6, column christian: the weight -0\.14 is negative",
    ),
    "word for weight": (
        swap("religion.csv", "TR,0.14", "TR,few"),
        r"line 6, column christian: the weight 'few' is not a number",
    ),
    "NaN": (swap("religion.csv", "TR,0.14", "TR,nan"), r"the weight 'nan' is not a number"),
    "infinite": (
        swap("religion.csv", "TR,0.14", "TR,1e999"),
        r"the weight '1e999' is not a number",
    ),
    "empty weight": (swap("religion.csv", "TR,0.14", "TR,"), r"the weight '' is not a number"),
    "all weights 0": (
        swap("sexuality.csv", "0,0,0,100", "0,0,0,0"),
        r"sexuality\.csv, line 4, .*all weights of this row are 0",
    ),
    "duplicate row": (
        append("religion.csv", "TR,1,1,1,1,1,1,1,again"),
        r"religion\.csv, line 82, column origin: the row repeats the combination of line 6",
    ),
    "duplicate row, long": (
        append("age.csv", "7,1"),
        r"age\.csv, line 106, column value: the row repeats line 12",
    ),
    "duplicate band": (
        append(MARITAL, "0,20,1,0,0,0"),
        r"line 19, column age_from: the row repeats the combination of line 5",
    ),
    "overlapping bands": (
        swap(MARITAL, "\n25,30,", "\n24,30,"),
        r"status\.csv, line 7, column age_from: the band \[24, 30\) overlaps the band of line 6",
    ),
    "gapped bands": (
        swap(MARITAL, "\n25,30,", "\n26,30,"),
        r"marital_status\.csv, line 6, column age_to: gap: no band covers age=25",
    ),
    "bands start late": (
        swap(MARITAL, "\n0,20,", "\n1,20,"),
        r"marital_status\.csv, line 5, column age_to: gap: no band covers age=0",
    ),
    "bands beyond the range": (
        swap(MARITAL, "\n80,101,", "\n80,120,"),
        r"line 18, column age_to: the band \[80, 120\) leaves \[0, 101\)",
    ),
    "empty band": (
        swap(MARITAL, "\n25,30,", "\n30,30,"),
        r"line 7, column age_to: the band \[30, 30\) is empty",
    ),
    "band not whole": (
        swap(MARITAL, "\n25,30,", "\n25,30.5,"),
        r"line 7, column age_to: '30\.5' is not a whole number",
    ),
    "combination without a row": (
        drop_line("religion.csv", "TR,"),
        r"religion\.csv, line 80, column origin: the table has no row for origin=TR",
    ),
    "combination of two without a row": (
        drop_line("education.csv", "35,45,male"),
        r"education\.csv, line \d+, column age_to: gap: no band covers age=35, gender=male",
    ),
    "possible pair without a row": (
        drop_line("occupation.csv", "15,35,in_school"),
        r"occupation\.csv, line 53, column age_from: .* no row for age=15, education=in_school",
    ),
    "no row in a group": (
        swap(
            YAML,
            "parents:\n          education: {match: exact, alias: {polytechnic_gdr: realschule}}",
            "parents:\n          education: {match: exact}",
        ),
        r"occupation_working\.csv, .*no row for education=polytechnic_gdr",
    ),
    "group like a value": (
        swap("occupation_values.csv", "cleaner,", "working,"),
        r"groups\.working\): the group has the name of a value",
    ),
    "no rows": (raw("age.csv", b"value,weight\n"), r"age\.csv: the table has no rows"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line(case: str, copy_of_de: Path) -> None:
    edit, expected = CASES[case]
    message = complaint(edit, copy_of_de)
    assert re.search(expected, message), message


def test_impossible_combinations_need_no_row(copy_of_de: Path) -> None:
    # Nobody of 35 or more is still at school, so the table of occupations ends there for pupils,
    # and would have to go on if somebody were.
    message = complaint(swap("education.csv", "35,45,male,0,", "35,45,male,9,"), copy_of_de)
    assert re.search(r"occupation\.csv, line 7, column age_to: gap.*age=35", message)


def test_a_byte_order_mark_does_no_harm(copy_of_de: Path) -> None:
    file = copy_of_de / "religion.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_population(copy_of_de).values("religion")
