import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from stated_sentences import ATTRIBUTES, labelled
from tiny_population import tiny

from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.stated import neutral_keys, states

TEMPLATES = Path(__file__).parents[2] / "datasets" / "templates"
SENTENCES = {language: labelled(language) for language in ("de", "en")}
LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])
KINDS = {"words", "stems", "endings", "nouns", "spared", "parts", "patterns", "also"}


def stated(text: str, population: Population, language: str, key: str = "biography") -> set[str]:
    return {
        name
        for name in ATTRIBUTES.values()
        if name in population.drawn and states(key, text, name, population, language)
    }


# -- sentences ------------------------------------------------------------------------------------


@LANGUAGES
def test_no_stating_sentence_is_missed(de: Population, language: str) -> None:
    missed = {
        sentence: sure - stated(sentence, de, language)
        for sentence, sure, _ in SENTENCES[language]
        if sure - stated(sentence, de, language)
    }
    assert not missed
    assert sum(bool(sure) for _, sure, _ in SENTENCES[language]) >= 180
    counts = Counter(name for _, sure, _ in SENTENCES[language] for name in sure)
    assert min(counts[name] for name in de.attributes) >= 12


@LANGUAGES
def test_false_alarms_are_few(de: Population, language: str) -> None:
    counts: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
    for sentence, sure, perhaps in SENTENCES[language]:
        others = set(ATTRIBUTES.values()) - sure - perhaps
        neutral = not sure
        counts[neutral][0] += len(stated(sentence, de, language) & others)
        counts[neutral][1] += len(others)
    assert counts[True][1] > 170 and counts[False][1] > 1200
    # Of what neutral sentences could wrongly be found to state, and of what the others could.
    assert counts[True][0] / counts[True][1] <= 0.03
    assert counts[False][0] / counts[False][1] <= 0.08


@LANGUAGES
def test_a_whole_text_states_what_its_sentences_state(de: Population, language: str) -> None:
    rows = SENTENCES[language][:12]
    text = "\n\n".join(sentence for sentence, _, _ in rows)
    assert set().union(*(sure for _, sure, _ in rows)) <= stated(text, de, language)


# -- labels ---------------------------------------------------------------------------------------


@LANGUAGES
def test_every_value_label_is_found(de: Population, language: str) -> None:
    frame = {"de": "Bekannt ist: {}.", "en": "Known is: {}."}[language]
    for name in de.all_attributes:
        for label in de.variable(name).value_labels[language]:
            for form in (label, label.upper(), unicodedata.normalize("NFD", label)):
                text = frame.format(form)
                assert states("biography", text, name, de, language), (name, text)
                assert states("appearance", text, de.source_of(name), de, language)


def test_labels_of_other_populations_are_found(tmp_path: Path) -> None:
    people = tiny(
        tmp_path / "tiny",
        {"religion": ((), {(): (1, 1, 1)})},
        {"religion": ("zoroastrian", "jediist", "of")},
    )
    for text in ("Raised by zoroastrians.", "A JEDIIST at heart.", "religion of"):
        assert states("biography", text, "religion", people, "en")
    assert not states("biography", "Likes walks of all kinds.", "religion", people, "en")


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("Kommt aus der Tu\u0308rkei.", "origin"),
        ("Geht in die Mo\u00adschee.", "religion"),
        ("STOLZE GRO\u00dfMUTTER", "gender"),
        ("Trägt Make\u2011up.", "gender"),
        ("Ist nicht\u00aderwerbstätig.", "occupation"),
        ("kein\u00a0Migrationshintergrund", "migration"),
        ("Mit Weißhaar und Würde.", "age"),
        ("Mit Weisshaar und Würde.", "age"),
        ("Arbeitet in der Spätschicht.", "occupation"),
    ],
)
def test_spelling_does_not_matter(de: Population, text: str, attribute: str) -> None:
    assert states("biography", text, attribute, de, "de")


# -- what is left out -----------------------------------------------------------------------------


@LANGUAGES
def test_a_name_tells_gender_and_origin(de: Population, language: str) -> None:
    told = {name for name in de.attributes if states("name", "Kim Lorenz", name, de, language)}
    assert told == {"gender", "origin"}
    assert states("name", "Kim Lorenz", "origin_region", de, language)
    # Beside that it is a text like the others.
    assert states("name", "Christian Lorenz", "religion", de, language)
    assert stated("Kim Lorenz", de, language) == set()


TEXTS = {
    "name": "Kim Lorenz",
    "appearance": "Graues Haar, runde Brille.",
    "biography": "Singt sonntags in der Kirche und sammelt Briefmarken.",
}


@pytest.mark.parametrize(
    ("changed", "left_out"),
    [
        ([], set()),
        (["placebo"], set()),
        (["gender"], {"name"}),
        (["religion"], {"biography"}),
        (["gender+religion"], {"name", "biography"}),
        (["gender+religion", "age", "placebo"], {"name", "appearance", "biography"}),
        (["age"], {"appearance"}),
        (["age_bin"], {"appearance"}),
        (["sexuality"], set()),
    ],
)
def test_neutral_keys(de: Population, changed: list[str], left_out: set[str]) -> None:
    assert neutral_keys(TEXTS, changed, de, "de") == left_out
    assert neutral_keys({}, changed, de, "de") == frozenset()
    for key, text in TEXTS.items():
        assert (key in left_out) == any(states(key, text, name, de, "de") for name in changed)


def test_empty_texts_state_nothing(de: Population) -> None:
    empty = dict.fromkeys(TEXTS, " \n")
    assert neutral_keys(empty, de.attributes, de, "de") == frozenset()


def test_what_no_list_covers_is_stated_by_every_text(tmp_path: Path) -> None:
    people = tiny(
        tmp_path / "tiny",
        {"party": ((), {(): (1, 1)}), "ignored": ((), {(): (1, 1)}), "age": ((), {(): (1, 1)})},
        {"party": ("a", "b"), "ignored": ("a", "b"), "age": ("young", "old")},
    )
    texts = {"name": "Kim", "biography": "Likes tea.", "appearance": ""}
    assert neutral_keys(texts, ["party"], people, "en") == {"name", "biography"}
    # A name of the lists' own keys is no attribute of theirs.
    assert neutral_keys(texts, ["ignored"], people, "en") == {"name", "biography"}
    assert neutral_keys(texts, ["age"], people, "en") == frozenset()
    assert neutral_keys(texts, ["party+age"], people, "en") == {"name", "biography"}


def test_a_language_without_lists_hides_every_text(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    tiny(folder, {"age": ((), {(): (1, 1)})}, {"age": ("young", "old")})
    file = folder / "population.yaml"
    file.write_text(file.read_text("utf-8").replace('"en"', '"fr"'), "utf-8")
    from pluralens.personas.population import load_population

    people = load_population(folder)
    assert neutral_keys({"biography": "Aime le thé."}, ["age"], people, "fr") == {"biography"}


@pytest.mark.parametrize(
    ("attribute", "language", "message"),
    [
        ("religon", "de", "no attribute 'religon'; the closest is 'religion'"),
        ("gender+religon", "de", "no attribute 'religon'"),
        ("religion", "fr", "no language 'fr'"),
    ],
)
def test_wrong_input(de: Population, attribute: str, language: str, message: str) -> None:
    for text in ("Likes tea.", ""):
        with pytest.raises(InputError, match=message) as caught:
            states("biography", text, attribute, de, language)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=message):
        neutral_keys({}, [attribute], de, language)


# -- behaviour ------------------------------------------------------------------------------------

ROWS = st.sampled_from([*SENTENCES["de"], *SENTENCES["en"]])


@settings(derandomize=True, deadline=None, max_examples=80)
@given(before=st.text(max_size=40), row=ROWS, after=st.text(max_size=40))
def test_more_text_hides_nothing(
    de: Population, before: str, row: tuple[str, set[str], set[str]], after: str
) -> None:
    language = "de" if row in SENTENCES["de"] else "en"
    assert stated(row[0], de, language) <= stated(f"{before}\n{row[0]}\n{after}", de, language)


@LANGUAGES
def test_long_texts_take_no_longer_than_they_are_long(de: Population, language: str) -> None:
    for text in ("a" * 200_000, "kommt a " * 25_000, "blau blue x " * 20_000, "é-" * 100_000):
        started = time.process_time()
        stated(text, de, language)
        # A second or two would be slow for this; quadratic time would be hours.
        assert time.process_time() - started < 20


# -- lists ----------------------------------------------------------------------------------------


@LANGUAGES
def test_lists_are_whole(de: Population, language: str) -> None:
    text = (TEMPLATES / f"stated.{language}.yaml").read_text("utf-8")
    assert "Source:" in text.split("\n")[0] and "Licence:" in text.split("\n")[0]
    lists: dict[str, Any] = yaml.safe_load(text)
    assert set(lists) - {"compounds"} == {"ignored", "label_endings", *de.attributes}
    for name in de.attributes:
        assert set(lists[name]) <= KINDS
        for kind, entries in lists[name].items():
            # YAML would read a bare no or 1 as something else.
            assert all(isinstance(entry, str) and entry.strip() for entry in entries), (name, kind)
        assert len(lists[name]["stems"]) + len(lists[name]["words"]) >= 40
        assert len(lists[name]["stems"]) >= 25
        # One letter would be in every text.
        for kind in ("stems", "parts", "endings", "nouns"):
            assert min(map(len, lists[name].get(kind, ["xx"]))) >= 2
        assert set(lists[name].get("also", ())) <= set(de.attributes) - {name}
