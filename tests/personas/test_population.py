import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.personas.population import Population, load_population, population_ids


def test_attributes_and_their_values(de: Population) -> None:
    assert de.id == "de" and de.version == "1" and de.languages == ("de", "en")
    assert de.attributes == (
        "age",
        "gender",
        "education",
        "migration",
        "origin",
        "religion",
        "marital_status",
        "occupation",
        "sexuality",
    )
    assert de.all_attributes[9:] == (
        "age_bin",
        "age_bin_all",
        "origin_region",
        "origin_group",
        "origin_subregion",
    )
    assert de.values("age") == tuple(range(101))
    assert set(de.values("gender")) == {"female", "male", "diverse"}
    assert de.values("religion") == (
        "christian",
        "muslim",
        "unaffiliated",
        "buddhist",
        "hindu",
        "jewish",
        "other",
    )
    origins = de.values("origin")
    assert sum(bool(re.fullmatch("[A-Z]{2}", str(o))) for o in origins) == 61
    assert sum(str(o).startswith("rest_") for o in origins) == 16
    assert {"pupil_student", "retired", "not_working"} <= set(de.values("occupation"))
    assert len(de.values("occupation")) >= 44


def test_every_value_has_its_own_label_in_every_language(de: Population) -> None:
    for language in de.languages:
        for attribute in de.all_attributes:
            assert de.attribute_label(attribute, language)
            labels = [de.label(attribute, v, language) for v in de.values(attribute)]
            assert all(labels) and len(set(labels)) == len(labels), (attribute, language)
        names = [de.attribute_label(a, language) for a in de.all_attributes]
        assert len(set(names)) == len(names)


def test_value_keys_are_ascii(de: Population) -> None:
    assert all(str(v).isascii() for a in de.all_attributes for v in de.values(a))


# German nouns and adjectives that tell a person's gender: kinship, "-mann", "-frau", "männlich",
# and agent nouns (Bäcker, Ingenieurin, Polizist), which German has in two forms.
GENDERED = re.compile(
    r"(?i:mann|frau|männer|frauen|schwester|hebamme|männlich|weiblich|arzt|anwalt|koch)$"
    r"|(?i:ärztin|anwältin|köchin)$|^[A-ZÄÖÜ]\w+(?:er|eur|or|ent|ant|ist|oge)(?:in)?$"
)
ENGLISH = re.compile(r"(?i)(?<!hu)(?<!Ger)m[ae]n$|^(?:maid|lesbian|widower|s?he)$|wardess|actress")


def test_no_line_but_gender_reveals_the_gender(de: Population) -> None:
    for attribute in ("occupation", "marital_status", "sexuality", "religion", "migration"):
        for value in de.values(attribute):
            for word in re.findall(r"\w+", de.label(attribute, value, "de")):
                assert not GENDERED.search(word), word
            for word in re.findall(r"\w+", de.label(attribute, value, "en")):
                assert not ENGLISH.search(word), word


def test_gendered_words_would_be_found() -> None:
    for word in "Krankenschwester Kauffrau Bäcker Ingenieurin Arzt Ärztin Polizist Jurist".split():
        assert GENDERED.search(word), word
    for word in "policeman chairwoman lesbian widower".split():
        assert ENGLISH.search(word), word


def test_labels(de: Population) -> None:
    assert de.label("age", 0, "de") == "0"
    assert de.label("age", 100, "de") == "100 oder älter"
    assert de.label("age", 100, "en") == "100 or older"
    assert de.label("origin", "rest_northern_africa", "de") == "anderes Land in Nordafrika"
    assert de.label("origin", "rest_northern_africa", "en") == "another country in Northern Africa"
    assert de.label("religion", "christian", "de") == "christlich"
    assert de.label("marital_status", "widowed", "de") == "verwitwet"
    assert de.label("origin_subregion", "Western Asia", "de") == "Westasien"
    assert de.attribute_label("age_bin", "en") == "Age group"


def test_applicable(de: Population) -> None:
    assert not de.is_applicable("sexuality", "not_applicable")
    assert not de.is_applicable("education", "not_applicable")
    assert not de.is_applicable("occupation", "below_school_age")
    assert de.is_applicable("occupation", "not_working")
    assert de.is_applicable("age", 0)
    assert de.is_applicable("age_bin", "0-17")


@pytest.mark.parametrize(
    ("age", "adult", "all_ages"),
    [
        (0, "0-17", "0-9"),
        (9, "0-17", "0-9"),
        (10, "0-17", "10-19"),
        (17, "0-17", "10-19"),
        (18, "18-29", "10-19"),
        (20, "18-29", "20-29"),
        (29, "18-29", "20-29"),
        (30, "30-44", "30-44"),
        (44, "30-44", "30-44"),
        (45, "45-64", "45-64"),
        (64, "45-64", "45-64"),
        (65, "65+", "65+"),
        (100, "65+", "65+"),
    ],
)
def test_age_bins(de: Population, age: int, adult: str, all_ages: str) -> None:
    assert de.derive({"age": age}) == {"age_bin": adult, "age_bin_all": all_ages}


def test_origin_regions(de: Population) -> None:
    assert de.derive({"origin": "TR"}) == {
        "origin_region": "Asia",
        "origin_group": "Asia",
        "origin_subregion": "Western Asia",
    }
    assert de.derive({"origin": "rest_melanesia"})["origin_region"] == "Oceania"
    assert de.source_of("origin_region") == "origin" and de.source_of("age") == "age"


def test_every_derived_value_occurs(de: Population) -> None:
    for name, derived in de.derived.items():
        assert {derived.values[i] for i in derived.lookup} == set(de.values(name))


def test_assumptions_are_marked(de: Population) -> None:
    for name in ("gender", "education", "origin", "religion", "occupation", "sexuality"):
        assert de.drawn[name].source.assumed, name
    for name in ("age", "migration", "marital_status"):
        assert de.drawn[name].source.assumed is None
    assert all(a.source.title and a.source.licence for a in de.drawn.values())


def test_broken_rule_in_words(de: Population) -> None:
    child = {
        "age": 10,
        "gender": "male",
        "education": "not_applicable",
        "migration": "none",
        "origin": "DE",
        "religion": "christian",
        "marital_status": "widowed",
        "occupation": "pupil_student",
        "sexuality": "not_applicable",
    }
    assert de.broken_rule(child) == (
        "forbidden: age <18 with marital_status married or widowed or divorced"
    )
    assert de.broken_rule({**child, "marital_status": "single"}) is None
    doctor = {
        **child,
        "age": 40,
        "education": "hauptschule",
        "occupation": "doctor",
        "sexuality": "bisexual",
    }
    assert "needs education of at least abitur_fh" in str(de.broken_rule(doctor))


def test_the_closest_name_is_offered(de: Population) -> None:
    with pytest.raises(InputError, match="no attribute 'religon'; the closest is 'religion'"):
        de.values("religon")
    with pytest.raises(InputError, match="value of religion 'muslims'; the closest is 'muslim'"):
        de.code("religion", "muslims")
    with pytest.raises(InputError, match="no language 'fr'"):
        de.label("gender", "male", "fr")
    with pytest.raises(InputError, match="value of age True"):
        de.code("age", True)


def test_ids_and_folders(copy_of_de: Path, de: Population) -> None:
    assert "de" in population_ids()
    assert load_population(copy_of_de).digest == de.digest
    assert load_population(str(copy_of_de)).digest == de.digest
    with pytest.raises(InputError, match="neither an id nor a folder"):
        load_population("atlantis")
    with pytest.raises(InputError, match="this folder has no population.yaml"):
        load_population(copy_of_de.parent)


def test_digest_sees_every_file_but_not_line_ends(copy_of_de: Path, de: Population) -> None:
    files = sorted(copy_of_de.iterdir())
    assert len(files) == 14
    for file in files:
        original = file.read_bytes()
        file.write_bytes(original.replace(b"\n", b"\r\n"))
        assert load_population(copy_of_de).digest == de.digest, file.name
        file.write_bytes(original + b"# more\n")
        assert load_population(copy_of_de).digest != de.digest, file.name
        file.write_bytes(original)
    shutil.rmtree(copy_of_de)


def test_every_data_file_names_source_and_licence(copy_of_de: Path) -> None:
    for file in copy_of_de.iterdir():
        head = "".join(
            line for line in file.read_text("utf-8").splitlines(True) if line.startswith("#")
        )
        assert head.startswith("# Source:") and "\n# Licence:" in head, file.name


def test_names_can_be_imported_without_the_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "import pluralens.personas.counterfactuals, pluralens.personas.population\n"
        "import pluralens.personas.persona, pluralens.personas.options\n"
        "print(sorted({'numpy', 'pandas', 'pydantic', 'yaml', 'inspect_ai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
