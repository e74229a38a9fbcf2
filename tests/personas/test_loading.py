"""One broken copy of the German population per thing that can be wrong in its manifest."""

import re
from pathlib import Path

import pytest
from broken_population import Edit, complaint, drop_column, raw, remove, swap

from pluralens.errors import InputError
from pluralens.personas.population import load_population

YAML = "population.yaml"

CASES: dict[str, tuple[Edit, str]] = {
    # the manifest
    "missing manifest": (remove(YAML), r": this folder has no population\.yaml; name the folder"),
    "bad YAML": (
        swap(YAML, "attributes:\n", "attributes: [\n"),
        r"yaml, line \d+, column \d+: not valid YAML",
    ),
    "YAML tag": (
        swap(YAML, 'version: "1"', "version: !!python/object:os.system 1"),
        r"not valid YAML",
    ),
    "repeated key": (
        swap(YAML, "id: de\n", "id: de\nid: us\n"),
        r"line 8, column 1: not valid YAML \(the key 'id' stands here twice",
    ),
    "not a mapping": (raw(YAML, b"- 1\n"), r"line 1, column 1: Input should be"),
    "empty": (raw(YAML, b""), r"line 1, column 1: Input should be"),
    "control character": (raw(YAML, b"id: \x07\n"), r"population\.yaml.*not valid YAML"),
    "unknown key": (
        swap(YAML, "id: de\n", "id: de\ncolour: red\n"),
        r"line 8, column 1 \(colour\): Extra inputs",
    ),
    "missing key": (swap(YAML, "id: de\n", ""), r"\(id\): Field required"),
    "number for text": (
        swap(YAML, 'version: "1"', "version: 1"),
        r"\(version\): Input should be a valid string",
    ),
    "share above 1": (
        swap(YAML, "share: 0.0005", "share: 1.5"),
        r"shares\.diverse\.share\): Input should be less than 1",
    ),
    "path outside": (
        swap(YAML, "table: age.csv", "table: ../age.csv"),
        r"attributes\.0\.table\): String should match",
    ),
    "unknown parent": (
        swap(YAML, "      origin: {match: exact}", "      orgin: {match: exact}"),
        r"parents\.orgin\): there is no attribute 'orgin'; the closest is 'origin'",
    ),
    "cycle of one": (
        swap(YAML, "      origin: {match: exact}", "      religion: {match: exact}"),
        r"cycle: religion -> religion",
    ),
    "cycle of two": (
        swap(
            YAML, "    table: age.csv", "    parents: {gender: {match: exact}}\n    table: age.csv"
        ),
        r"parents\.gender\): cycle: age -> gender -> age",
    ),
    "declared twice": (
        swap(YAML, "name: sexuality", "name: religion"),
        r"'religion' is declared twice",
    ),
    "derived like drawn": (
        swap(YAML, "name: age_bin_all", "name: age"),
        r"'age' is declared twice",
    ),
    "no values": (
        swap(YAML, "    values_file: origin_values.csv\n", ""),
        r"exactly one of range, values",
    ),
    "empty range": (
        swap(YAML, "{from: 0, to: 101, labels", "{from: 9, to: 9, labels"),
        r"the range is empty",
    ),
    "label out of range": (
        swap(YAML, "{100: {de: 100", "{101: {de: 100"),
        r"labels\.101\): 101 is outside",
    ),
    "not applicable unknown": (
        swap(YAML, "not_applicable: [below_school_age]", "not_applicable: [toddler]"),
        r"no value 'toddler'",
    ),
    "band on categories": (
        swap(YAML, "origin: {match: exact}", "origin: {match: band}"),
        r"origin has no numbers to band",
    ),
    "alias unknown": (
        swap(YAML, "alias: {diverse: all}", "alias: {divers: all}"),
        r"no value 'divers'; the closest is 'diverse'",
    ),
    "share unknown": (
        swap(YAML, "      diverse:\n        share", "      other:\n        share"),
        r"no value 'other'",
    ),
    # labels
    "missing attribute label": (
        swap(YAML, "label: {de: Religion, en: Religion}", "label: {de: Religion}"),
        r"attributes\.5\.label\): the label in 'en' is missing",
    ),
    "missing value label": (
        swap(YAML, "hindu: {de: hinduistisch, en: Hindu}", "hindu: {en: Hindu}"),
        r"values\.hindu\): the label in 'de' is missing",
    ),
    "label in another language": (
        swap(YAML, "en: Hindu}", "en: Hindu, fr: hindou}"),
        r"'fr' is not in languages",
    ),
    "missing label in file": (
        swap("origin_values.csv", "TR,Türkei,", "TR,,"),
        r"origin_values\.csv, line 5, column label_de: the label is missing",
    ),
    "label twice": (
        swap(YAML, "en: Hindu}", "en: Jewish}"),
        r"values\.jewish\): two values have the en label 'Jewish'",
    ),
    "label twice in file": (
        swap("origin_values.csv", "TR,Türkei,", "TR,Deutschland,"),
        r"line 5, column label_de: 'Deutschland' stands in line 4 already",
    ),
    "value twice in file": (
        swap("origin_values.csv", "TR,Türkei,", "DE,Türkei,"),
        r"line 5, column value: 'DE' stands in line 4",
    ),
    "missing label column": (
        drop_column("origin_values.csv", "label_en"),
        r"line 1, column label_en: the column is missing",
    ),
    # rules
    "forbid an unknown attribute": (
        swap(YAML, '- {age: "<50", occupation', '- {age: "<50", ocupation'),
        r"forbid\.12\.ocupation\): there is no attribute 'ocupation'; the closest is 'occupation'",
    ),
    "forbid an unknown value": (
        swap(YAML, "occupation: [retired]", "occupation: [retirred]"),
        r"forbid\.12\.occupation\): 'retirred' is not a declared value; use 'retired'",
    ),
    "forbid an unreadable comparison": (
        swap(YAML, '"<50"', '"under 50"'),
        r"forbid\.12\.age\): 'under 50' is no comparison",
    ),
    "forbid a truth value": (
        swap(YAML, "origin: [DE]", "origin: [NO]"),
        r"False is no value; quote",
    ),
    "forbid by an unknown word": (
        swap(YAML, "{not: [DE]}", "{nor: [DE]}"),
        r"is no condition; write \{not: \[values\]\}",
    ),
    "forbid an empty list": (
        swap(YAML, "occupation: [retired]", "occupation: []"),
        r"the list is empty",
    ),
    "forbid nothing": (
        swap(YAML, '- {age: "<50", occupation: [retired]}', "- {}"),
        r"forbid\.12\): the rule has no condition",
    ),
    "bound unknown": (
        swap("occupation_values.csv", "27,90,abitur_fh", "27,90,abi"),
        r"occupation_values\.csv, line \d+, column min_certificate: 'abi' is not a ranked value",
    ),
    "bound column missing": (
        drop_column("occupation_values.csv", "min_age"),
        r"column min_age: the column is missing",
    ),
    "bound order unknown": (
        swap(YAML, "order: [[none],", "order: [[nothing],"),
        r"order\): there is no value 'nothing'",
    ),
    "bound on no parent": (
        swap(YAML, "{parent: age, column: min_age", "{parent: gender, column: min_age"),
        r"no parent 'gender'",
    ),
    # derived attributes and twins
    "derived of nothing": (
        swap(YAML, "    of: origin\n", "    of: orgin\n"),
        r"of\): there is no attribute 'orgin'",
    ),
    "derived bands gap": (
        swap(YAML, '"30-44": {from: 30', '"30-44": {from: 31'),
        r"the band \[31, 45\) leaves a gap",
    ),
    "derived bands overlap": (
        swap(YAML, '"30-44": {from: 30', '"30-44": {from: 29'),
        r"the band \[29, 45\) overlaps",
    ),
    "derived bands end early": (
        swap(YAML, '"65+": {from: 65, to: 101', '"65+": {from: 65, to: 99'),
        r"the bands end at 99",
    ),
    "derived label": (
        swap(YAML, "label: {de: 18 bis 29, en: 18 to 29}", "label: {de: 18 bis 29}"),
        r"label in 'en' is missing",
    ),
    "derived column value": (
        swap("origin_values.csv", "Turkey,Asia", "Turkey,Asien"),
        r"origin_values\.csv, line 5, column region: 'Asien' is not a value of origin_region",
    ),
    "derived column": (
        swap(YAML, "column: region", "column: regoin"),
        r"column regoin: the column is missing",
    ),
    "twins of nothing": (
        swap(YAML, "  gender: {targets", "  sex: {targets"),
        r"counterfactual\.sex\): there is no attribute 'sex'",
    ),
    "follower unknown": (
        swap(YAML, "follow: [origin]", "follow: [colour]"),
        r"no other attribute 'colour'",
    ),
    "one per unknown": (
        swap(YAML, "one_per: origin_subregion", "one_per: age_bin"),
        r"no derived attribute of origin 'age_bin'",
    ),
    "bins unknown": (
        swap(YAML, "bins: {of: age_bin,", "bins: {of: origin_region,"),
        r"no derived attribute of age",
    ),
    "representative outside": (swap(YAML, '"30-44": 37', '"30-44": 50'), r"50 is not in '30-44'"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line(case: str, copy_of_de: Path) -> None:
    edit, expected = CASES[case]
    message = complaint(edit, copy_of_de)
    assert re.search(expected, message), message


def test_a_parent_must_be_listed_first(copy_of_de: Path) -> None:
    text = (copy_of_de / YAML).read_text("utf-8")
    head, rest = text.split("  - name: religion\n", 1)
    religion, tail = rest.split("  - name: marital_status\n", 1)
    first = head.index("  - name: origin\n")
    moved = f"{head[:first]}  - name: religion\n{religion}{head[first:]}  - name: marital_status\n"
    (copy_of_de / YAML).write_text(moved + tail, "utf-8")
    with pytest.raises(InputError, match="'origin' is drawn after 'religion'"):
        load_population(copy_of_de)
