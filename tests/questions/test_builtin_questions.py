"""The source that comes with the package."""

import subprocess
import sys
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.questions.builtin import builtin_people
from pluralens.questions.cells import Cell, Condition
from pluralens.questions.contrasts import AT_LEAST, CONTRASTING, contrasting_pairs, differing
from pluralens.questions.hub import ATTRIBUTES
from pluralens.questions.pairing import pair_up
from pluralens.questions.person import describe
from pluralens.questions.sources import Source, load_source


@pytest.fixture(scope="module")
def builtin() -> Source:
    return load_source()


def test_questions_are_many_and_of_many_topics(builtin: Source) -> None:
    assert len(builtin.questions) >= 120
    assert len({q.topic for q in builtin.questions}) >= 12
    assert len({q.id for q in builtin.questions}) == len(builtin.questions)
    assert len({q.text for q in builtin.questions}) == len(builtin.questions)
    assert {q.language for q in builtin.questions} == {"en"}
    assert all(q.text.endswith("?") for q in builtin.questions)


def test_people_have_the_attributes_of_the_hubs_people(builtin: Source) -> None:
    assert set(builtin.attributes) == set(ATTRIBUTES) and len(builtin.attributes) == 33
    assert "age" in builtin.numeric
    (person,) = builtin.people(1, 0)
    assert "Household language: " in describe(person)
    assert person.attributes["age"] == f"{person.numbers['age']:g}"


def test_what_is_recorded(builtin: Source) -> None:
    about = builtin.about
    assert about["population"] == "us" and len(about["population_digest"]) == 32
    assert about["population_version"] and len(about["questions_digest"]) == 32
    assert about["questions"] == len(builtin.questions)


def test_more_people_begin_with_the_same(builtin: Source) -> None:
    assert builtin.people(30, 5)[:7] == builtin.people(7, 5)
    assert builtin.people(7, 5) != builtin.people(7, 6)


def test_every_value_of_short_attributes_can_be_a_cell(builtin: Source) -> None:
    for attribute in ("health_insurance", "political_views"):
        texts = dict.fromkeys(builtin.pool.values[attribute].values())
        for text in texts:
            cell = Cell(text, (Condition(attribute, (text,)),))
            people = builtin.people_in(cell, 5, 0)
            assert len(people) == 5 and all(cell.holds(p) for p in people)


def test_every_attribute_can_be_part_of_a_cell(builtin: Source) -> None:
    young = Condition("age", low=18, high=34)
    people = builtin.people_in(Cell("young", (young,)), 20, 0)
    for attribute in builtin.attributes[1:]:
        # Something that a young person has.
        texts = [p.attributes[attribute] for p in people if attribute in p.attributes]
        cell = Cell("x", (young, Condition(attribute, (texts[0],))))
        found = builtin.people_in(cell, 3, 0)
        assert len(found) == 3 and all(cell.holds(p) for p in found), attribute


def test_cells_of_a_file(builtin: Source, tmp_path: Path) -> None:
    sexes = [
        {"attributes": [{"attribute": "Sex", "values": [text.upper()]}]}
        for text in dict.fromkeys(builtin.pool.values["sex"].values())
    ]
    file = tmp_path / "cells.yaml"
    file.write_text(f"{{disjoint: true, intersections: {sexes}}}", "utf-8")
    cells = builtin.read_cells(file)
    assert [len(builtin.people_in(cell, 30, 0)) for cell in cells] == [30] * len(cells)
    old = {"attributes": [{"attribute": "age", "range": [65, 100]}]}
    file.write_text(f"{{disjoint: true, intersections: {[sexes[0], old]}}}", "utf-8")
    with pytest.raises(InputError, match="do not exclude each other"):
        builtin.read_cells(file)


def test_three_hundred_pairs_use_all_as_evenly_as_possible(builtin: Source) -> None:
    people = builtin.people(300, 0)
    pairs = pair_up(builtin.questions, people, design="zip", n=300, seed=0)
    assert set(Counter(pair.person.id for pair in pairs).values()) == {1}
    assert len(set(Counter(pair.question.id for pair in pairs).values())) <= 2
    assert len({pair.id for pair in pairs}) == 300


def test_contrasts_differ_in_most_of_what_matters(builtin: Source) -> None:
    people = builtin.people(100, 0)
    contrasts = contrasting_pairs(builtin.questions, people, n=150, seed=0)
    assert set(Counter(p.id for c in contrasts for p in (c.first, c.second)).values()) == {3}
    found = [len(differing(c.first, c.second, CONTRASTING)) for c in contrasts]
    assert min(found) >= AT_LEAST
    chance = [len(differing(a, b, CONTRASTING)) for a, b in combinations(people, 2)]
    assert sum(found) / len(found) > sum(chance) / len(chance) + 0.5


def test_refusals() -> None:
    with pytest.raises(InputError, match="no question is in language 'xx'; choose from en"):
        load_source(language="xx")
    with pytest.raises(InputError, match="the questions of source=hf are in 'en'"):
        load_source("hf", language="de")
    with pytest.raises(InputError, match="revision='v1' pins data of the Hugging Face hub"):
        load_source(revision="v1")
    with pytest.raises(InputError, match="persona_revision='v1' pins"):
        load_source("builtin", persona_revision="v1")


def test_loading_is_quick() -> None:
    took = []
    for _ in range(3):
        builtin_people.cache_clear()
        start = time.process_time()
        load_source()
        took.append(time.process_time() - start)
    # Half of that on a machine with nothing else to do.
    assert min(took) < 1.0


def test_importing_needs_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import pluralens.questions.sources, pluralens.questions.intersections\n"
        "import pluralens.questions.leave_one_out\n"
        "heavy = ('pandas', 'pyarrow', 'scipy', 'datasets', 'huggingface_hub', 'inspect_ai')\n"
        "print([m for m in (*heavy, 'numpy', 'yaml') if m in sys.modules])\n"
        "from pluralens.questions.sources import load_source\n"
        "load_source().people(3, 0)\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "[]"]
