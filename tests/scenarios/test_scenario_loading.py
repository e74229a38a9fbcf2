"""One broken copy of the rent scenario per thing that can be wrong in a file."""

import re
from pathlib import Path

import pytest
import yaml
from broken_scenario import Edit, complaint, raw, rent_text, swap

from pluralens.errors import InputError
from pluralens.scenarios.scenario import Scenario, load_scenario, scenario_ids

CASES: dict[str, tuple[Edit, str]] = {
    "bad YAML": (swap("factors:\n", "factors: [\n"), r"line \d+, column \d+: not valid YAML"),
    "YAML tag": (swap('version: "1"', "version: !!python/name:os.system x"), r"not valid YAML"),
    "repeated key": (swap("id: rent\n", "id: rent\nid: rent\n"), r"the key 'id' stands here twice"),
    "not UTF-8": (raw("id: Miet\xfc".encode("latin-1")), r"line 1: byte 0xfc is not UTF-8"),
    "empty": (raw(b""), r"line 1, column 1: Input should be"),
    "nested too deeply": (raw(b"[" * 2000 + b"]" * 2000), r"stand in one another too deeply; rem"),
    "a list": (raw(b"- 1\n"), r"line 1, column 1: Input should be"),
    "unknown key": (
        swap("id: rent\n", "id: rent\ncolour: red\n"),
        r"line 14, column 1 \(colour\): Extra inputs",
    ),
    "unknown key in a telling": (
        swap("      challenge:", "      chalenge:"),
        r"perspectives\.landlord\.de\.challenge\): Field required",
    ),
    "missing key": (swap("id: rent\n", ""), r"\(id\): Field required"),
    "number for text": (swap('version: "1"', "version: 1"), r"\(version\): Input should be a val"),
    "text for number": (
        swap("numbers: {increase: 50,", "numbers: {increase: fifty,"),
        r"levels\.050\.numbers\.increase\): Input should be a valid integer",
    ),
    "decimal number": (
        swap("increase: 50, ", "increase: 50.5, "),
        r"numbers\.increase\): Input should be a valid integer",
    ),
    "level that YAML reads as a number": (
        swap('"050": {', "050: {"),
        r"factors\.increase\.levels\.40\): Input should be a valid string",
    ),
    "hyphen in a level": (swap("economy:\n", "eco-nomy:\n"), r"String should match pattern"),
    "another id": (swap("id: rent\n", "id: lease\n"), r"the id is 'lease'; name the file lease\.y"),
    # characters
    "control character": (
        swap("label: {de: gut, en: good}", 'label: {de: "g\\x07ut", en: good}'),
        r"label\.de\): the text holds the invisible character \\x07; delete it",
    ),
    "zero-width space": (
        swap("Was soll ich jetzt tun?", "Was soll\u200b ich jetzt tun?"),
        r"texts\.0\.plain\): the text holds the invisible character \\u200b",
    ),
    "line break": (
        swap("Was soll ich jetzt tun?", "\\nWas soll ich jetzt tun?"),
        r"invisible character \\n; write one paragraph",
    ),
    # languages
    "language twice": (
        swap("languages: [de, en]", "languages: [de, en, de]"),
        r"\(languages\.2\): 'de' stands here twice",
    ),
    "language nobody has": (
        swap("languages: [de, en]", "languages: [de, en, fr]"),
        r"\(label\): the language 'fr' is missing",
    ),
    "language without declaration": (
        swap("label: {de: Mieterhöhung, en: Rent increase}", "label: {de: A, en: B, fr: C}"),
        r"\(label\.fr\): there is no language 'fr'",
    ),
    "label without a language": (
        swap("label: {de: Kosten, en: Costs}", "label: {de: Kosten}"),
        r"levels\.costs\.label\): the language 'en' is missing; add `en: \.\.\.`",
    ),
    "wording without a language": (
        lambda file: _edit(file, "factors", "justification", "levels", "costs", "wording", "en"),
        r"levels\.costs\.wording\): the language 'en' is missing",
    ),
    "level text without a perspective": (
        lambda file: _edit(
            file, "factors", "justification", "levels", "costs", "wording", "de", "tenant"
        ),
        r"costs\.wording\.de\): the perspective 'tenant' is missing",
    ),
    "telling without a language": (
        lambda file: _edit(file, "perspectives", "tenant", "en"),
        r"\(perspectives\.tenant\): the language 'en' is missing",
    ),
    "no neutral perspective": (
        lambda file: _edit(file, "perspectives", "neutral"),
        r"\(perspectives\): the perspective 'neutral' is missing",
    ),
    "case without a language": (
        lambda file: _edit(file, "case", "de"),
        r"\(case\): the language 'de' is missing",
    ),
    "background without a language": (
        lambda file: _edit(file, "background", "de"),
        r"\(background\): the language 'de' is missing",
    ),
    # paraphrases
    "missing paraphrase": (
        lambda file: _edit(file, "perspectives", "tenant", "en", "texts", 2),
        r"\(perspectives\.tenant\.en\.texts\): 2 texts for 3 paraphrases; write one per",
    ),
    "two paraphrases": (
        swap("paraphrases: [open, plus, minus]", "paraphrases: [open, plus]"),
        r"\(paraphrases\): List should have at least 3 items",
    ),
    "unknown question": (
        swap("paraphrases: [open, plus, minus]", "paraphrases: [open, plus, yes]"),
        r"\(paraphrases\.2\): Input should be",
    ),
    "missing affect": (
        lambda file: _edit(file, "perspectives", "tenant", "en", "texts", 1, "emotional"),
        r"tenant\.en\.texts\.1\.emotional\): Field required",
    ),
    # parties and axis
    "three parties": (
        lambda file: _set(file, {}, "parties", "agent"),
        r"\(parties\.agent\.noun\): Field required",
    ),
    "one party": (lambda file: _edit(file, "parties", "tenant"), r"at least 2 items"),
    "a party called neutral": (
        swap("  tenant:\n    noun", "  neutral:\n    noun"),
        r"\(parties\.neutral\): this is the name of nobody's side",
    ),
    "both at 1": (swap("tenant: -1}", "tenant: 1}"), r"\(axis\): the parties stand at 1, 1; give"),
    "at 2": (swap("tenant: -1}", "tenant: -2}"), r"\(axis\): the parties stand at 1, -2; give one"),
    "one party on the axis": (
        swap(", tenant: -1}", "}"),
        r"\(axis\): the parties stand at 1; give",
    ),
    "a stranger on the axis": (
        swap("tenant: -1}", "tenants: -1}"),
        r"axis\.tenants\): there is no party 'tenants'; the closest is 'tenant'",
    ),
    "noun not a role word": (
        swap("noun: {de: Mieterseite, en: tenant}", "noun: {de: Mieterseite, en: inhabitant}"),
        r"tenant\.role_words\.en\): 'inhabitant' is not a role word; add the noun",
    ),
    "no role words": (
        swap("en: [tenant, tenants,", "en: []\n      xx: ["),
        r"role_words\.(en|xx)\): there",
    ),
    # facts
    "a fact that is a list": (swap("base_rent: 600", "base_rent: [600]"), r"\[600\] is no fact"),
    "a fact that is a decimal": (swap("base_rent: 600", "base_rent: 600.5"), r"600\.5 is no fact"),
    "a fact that is true": (
        swap("base_rent: 600", "base_rent: yes"),
        r"True is no fact; write a w",
    ),
    "a fact in one language": (
        swap("base_rent: 600", "base_rent: {de: viel}"),
        r"facts\.base_rent\): the language 'en' is missing",
    ),
    "a fact that is a number in a language": (
        swap("base_rent: 600", "base_rent: {de: 600, en: much}"),
        r"facts\.base_rent\.de\): this is no text",
    ),
    "a fact with the name of a number": (
        swap("base_rent: 600", "base_rent: 600, new_rent: 700"),
        r"'new_rent' is declared at facts\.new_rent already; rename one",
    ),
    # factors
    "one level": (
        lambda file: _edit(file, "factors", "landlord_view", "levels", "poor"),
        r"factors\.landlord_view\.levels\): Dictionary should have at least 2 items",
    ),
    "level that says nothing": (
        swap(", numbers: {increase: 50, new_rent: 650}", ""),
        r"levels\.050\): the level says nothing; add numbers or wording",
    ),
    "another number": (
        swap("increase: 200, new_rent", "increase: 200, rent"),
        r"levels\.200\.numbers\): the numbers are increase, rent; give the level the numbers of "
        r"'050': increase, new_rent",
    ),
    "level without text": (
        lambda file: _edit(file, "factors", "justification", "levels", "timing", "wording"),
        r"levels\.timing\): only one of 'economy' and 'timing' has a wording; word every level",
    ),
    "duplicate level, same key": (
        swap('      "200": {label', '      "050": {label'),
        r"the key '050' stands here twice",
    ),
    "duplicate level, same numbers": (
        swap("{increase: 200, new_rent: 800}", "{increase: 50, new_rent: 650}"),
        r"levels\.200\): the level says the same as '050'; delete the duplicate",
    ),
    "duplicate level, same text": (
        lambda file: _copy_level(file),
        r"levels\.costs\): the level says the same as 'economy'",
    ),
    "placeholder in a level": (
        swap("so the old rent is worth less, just", "so the old {base_rent} is worth less, just"),
        r"economy\.wording\.en\.landlord\): \{base_rent\} is not filled in here; write it out",
    ),
    "other numbers in a level": (
        swap("die letzte Erhöhung liegt 3 Jahre", "die letzte Erhöhung liegt 4 Jahre"),
        r"timing\.wording\.de\.tenant\): the facts differ between perspectives: 2, 4 here, 3, 2",
    ),
    "other numbers in a language": (
        swap("The last increase was 3 years ago", "The last increase was some years ago", 1),
        r"timing\.wording\.en\.landlord\): the facts differ between perspectives: 2 here",
    ),
    # views
    "a view that is no factor": (
        swap("tenant: tenant_view}", "tenant: tenant_viev}"),
        r"views\.tenant\): there is no factor 'tenant_viev'; the closest is 'tenant_view'",
    ),
    "a party without a view": (
        swap(", tenant: tenant_view}", "}"),
        r"\(views\): the party 'tenant' is missing",
    ),
    "one view for both": (
        swap("tenant: tenant_view}", "tenant: landlord_view}"),
        r"views\.landlord\): both parties have the same view",
    ),
    "a level that is no view": (
        swap("      poor:\n", "      bad:\n"),
        r"landlord_view\.levels\.bad\): there is no view 'bad'; use one of good, neutral, poor",
    ),
    # templates
    "unknown placeholder": (
        swap("von {base_rent} auf", "von {base_rant} auf"),
        r"case\.de\): there is no placeholder 'base_rant'; the closest is 'base_rent'",
    ),
    "open brace": (
        swap("from {base_rent} to", "from {base_rent to"),
        r"case\.en\): a brace stands alone; write \{name\}",
    ),
    "empty placeholder": (swap("{base_rent} euros", "{} euros"), r"\{\} is no plain placeholder"),
    "attribute of a placeholder": (
        swap("from {base_rent} to", "from {base_rent.real} to"),
        r"\{base_rent\.real\} is no plain placeholder; write only a name",
    ),
    "format of a placeholder": (
        swap("from {base_rent} to", "from {base_rent:>9} to"),
        r"is no plain placeholder",
    ),
    "facts left out of a perspective": (
        swap("so by {increase} euros, and I have", "and I have"),
        r"landlord\.en\.texts\.0\.plain\): the facts differ: \{increase\} is not used here",
    ),
    "facts left out of the emotional telling": (
        lambda file: _replace(
            file, "{tenant_view} ", "", "perspectives", "tenant", "de", "texts", 1, "emotional"
        ),
        r"tenant\.de\.texts\.1\.emotional\): the facts differ: \{tenant_view\} is not used",
    ),
    "facts left out of the background": (
        swap('    umstaende: "{justification}"\n', ""),
        r"\(background\.de\): the facts differ: \{justification\} is not used here",
    ),
    "facts left out of the case": (
        lambda file: _replace(file, "{landlord_view} ", "", "case", "en"),
        r"\(case\.en\): the facts differ: \{landlord_view\} is not used here",
    ),
    "a number written out": (
        swap("Was soll ich jetzt tun?", "Was soll ich in 3 Tagen tun?"),
        r"texts\.0\.plain\): the number 3 is written out; declare a fact",
    ),
    "a case with a question": (
        swap('  en: "The rent for a flat is', '  en: "Who is right? The rent for a flat is'),
        r"\(case\.en\): the case asks a question; tell the facts alone",
    ),
    "placeholder in a challenge": (
        swap("It matters to me that the increase goes", "It matters that the {increase} goes"),
        r"landlord\.en\.challenge\): \{increase\} is not filled in here",
    ),
    "number in a challenge": (
        swap("It matters to me that the increase goes", "It matters to me 2 times that it goes"),
        r"landlord\.en\.challenge\): the number 2 is written out",
    ),
    # roles
    "own role word": (
        swap("I got a letter saying", "I am a tenant and got a letter saying"),
        r"tenant\.en\.texts\.0\.plain\): the role word 'tenant' declares who asks; let the role",
    ),
    "role word in capitals": (
        swap("Ich schlafe kaum noch", "Ich, VERMIETERIN, schlafe kaum noch"),
        r"landlord\.de\.texts\.0\.emotional\): the role word 'Vermieterin' declares",
    ),
    "role word of the other": (
        swap("I got a letter saying", "I got a letter from my landlord saying"),
        r"the role word 'landlord' declares who asks",
    ),
    "role word in a challenge": (
        swap("Mir ist wichtig, dass die Erhöhung kommt", "Als Vermieter will ich, dass sie kommt"),
        r"landlord\.de\.challenge\): the role word 'Vermieter'",
    ),
    "role word in a level": (
        swap('tenant: "My living costs', 'tenant: "As a tenant, my living costs'),
        r"costs\.wording\.en\.tenant\): the role word 'tenant'",
    ),
}


def _document(file: Path) -> dict[str, object]:
    document: dict[str, object] = yaml.safe_load(file.read_text("utf-8"))
    return document


def _write(file: Path, document: object) -> None:
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=10**6)
    file.write_text(text, "utf-8")


def _node(document, path):  # type: ignore[no-untyped-def]
    for step in path:
        document = document[step]
    return document


def _edit(file: Path, *path: str | int) -> None:
    """Delete what stands at `path`."""
    document = _document(file)
    del _node(document, path[:-1])[path[-1]]
    _write(file, document)


def _set(file: Path, value: object, *path: str | int) -> None:
    document = _document(file)
    _node(document, path[:-1])[path[-1]] = value
    _write(file, document)


def _replace(file: Path, old: str, new: str, *path: str | int) -> None:
    text = _node(_document(file), path)
    assert old in text
    _set(file, text.replace(old, new), *path)


def _copy_level(file: Path) -> None:
    levels = ("factors", "justification", "levels")
    _set(file, _node(_document(file), (*levels, "economy", "wording")), *levels, "costs", "wording")


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named(case: str, tmp_path: Path) -> None:
    edit, expected = CASES[case]
    message = complaint(edit, tmp_path)
    assert re.search(expected, message), message


def test_the_error_names_the_line(tmp_path: Path) -> None:
    lines = rent_text().split("\n")
    number = next(i for i, line in enumerate(lines, start=1) if "I got a letter" in line)
    message = complaint(swap("I got a letter saying", "As a tenant I got a letter"), tmp_path)
    assert f"rent.yaml, line {number}, column" in message


def test_a_source_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'rant' is neither an id nor a YAML file; the closest id"):
        load_scenario("rant")
    with pytest.raises(InputError, match="neither an id nor a YAML file; "):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is a folder; name the YAML file in it"):
        load_scenario(tmp_path)


def test_an_id_and_a_path_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "rent.yaml").write_text(rent_text(), "utf-8")
    assert load_scenario(tmp_path / "rent.yaml") == load_scenario("rent")
    assert load_scenario(str(tmp_path / "rent.yaml")) == load_scenario("rent")


def test_the_digest_follows_the_text(tmp_path: Path) -> None:
    (tmp_path / "rent.yaml").write_text(rent_text().replace("600", "610"), "utf-8")
    changed = load_scenario(tmp_path / "rent.yaml")
    assert changed.facts["base_rent"] == {"de": "610", "en": "610"}
    assert changed.digest != load_scenario("rent").digest


def test_a_fact_can_be_a_text_per_language(tmp_path: Path) -> None:
    text = rent_text().replace("base_rent: 600", "base_rent: {de: wenigen, en: a few}")
    (tmp_path / "rent.yaml").write_text(text, "utf-8")
    scenario: Scenario = load_scenario(tmp_path / "rent.yaml")
    cell = next(scenario.cells())
    assert scenario.fill(cell.levels, "en", "neutral")["base_rent"] == "a few"


def test_the_conflicts_that_come_with_the_package() -> None:
    assert set(scenario_ids()) == {
        "late_paper",
        "late_return",
        "missed_appointment",
        "piano",
        "raise",
        "rent",
        "used_car",
    }
