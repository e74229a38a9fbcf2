import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from stored_people import pairs, placebos, pool, same

from pluralens.errors import InputError
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import Population, load_population
from pluralens.personas.selection import Selection
from pluralens.personas.store import EnrichmentRun, Store
from pluralens.personas.store.schema import LinkRow, MemberRow, PersonaRow, PopulationRow
from pluralens.personas.store.writing import attribute_texts


def rows(store: Store, model: Any) -> list[tuple[Any, ...]]:
    return store._connection.rows(model.select())


def test_a_selection_comes_back_as_it_was(database: str, de: Population) -> None:
    wanted = pool(
        de,
        seed=10**30,
        parameters={"temperature": {"age": 0.5}, "exclude": None, "list": [1, 2.5, "ä"], "b": True},
        report={"note": "Größe \N{GRINNING FACE} \udc80", "none": None},
    )
    before = datetime.now(UTC)
    with Store.open(database) as store:
        info = store.add(wanted)
    with Store.open(database) as store:
        read = store.selection("pool-a")
        same(wanted, read)
        assert info == store.info("pool-a") == store.infos()[0]
    assert (info.n, info.pairs, info.population, info.source) == (40, 0, "de", "de")
    assert info.digest == wanted.digest()
    assert info.created == read.created
    assert timedelta(0) <= info.created - before < timedelta(minutes=1)
    assert {c.dtype for c in read.personas.codes.values()} == {
        c.dtype for c in wanted.personas.codes.values()
    }


def test_pairs_come_back_with_order_types_and_forced_changes(database: str, de: Population) -> None:
    base = pool(de)
    wanted = pairs(base)
    assert any(link.forced for link in wanted.links)
    assert any(isinstance(link.to_value, int) for link in wanted.links)
    with Store.open(database) as store:
        store.add(base)
        info = store.add(wanted)
        same(wanted, store.selection("cf-a"))
    assert (info.n, info.pairs, info.parent) == (40, len(wanted.links), "pool-a")


def test_placebo_twins_are_personas_of_their_own(database: str, de: Population) -> None:
    base = pool(de)
    with Store.open(database) as store:
        store.add(base)
        store.add(placebos(base))
        read = store.selection("placebo-a")
        assert len(rows(store, PersonaRow)) == 80
    assert read.twins is not None
    assert [p.attributes for p in read.twins] == [p.attributes for p in base.personas]
    assert {p.persona_id for p in read.twins}.isdisjoint(p.persona_id for p in base.personas)


def test_attributes_are_compact_readable_json(database: str, de: Population) -> None:
    base = pool(de, n=5)
    with Store.open(database) as store:
        store.add(base)
        stored = {row[0]: row[2] for row in rows(store, PersonaRow)}
    for persona in base.personas:
        text = json.dumps(dict(persona.attributes), ensure_ascii=False, separators=(",", ":"))
        assert stored[persona.persona_id] == text


def test_umlauts_stay_readable() -> None:
    values = ("größer", 'with "quotes", comma\\ and\ttab', 5)
    population = cast(Population, SimpleNamespace(values=lambda name: values))
    codes = np.array([2, 0, 1], dtype=np.uint8)
    texts = attribute_texts(Personas(population, np.array(["a", "b", "c"]), {"ä": codes}))
    assert texts[:2] == ['{"ä":5}', '{"ä":"größer"}']
    assert json.loads(texts[2]) == {"ä": values[1]}


def test_a_taken_name_is_refused_and_the_existing_selection_named(
    database: str, de: Population
) -> None:
    with Store.open(database) as store:
        store.add(pool(de))
        with pytest.raises(InputError, match=r"'pool-a' already: pool, 40 personas of de.*choose"):
            store.add(pool(de, n=10, seed=2))
        assert [info.n for info in store.infos()] == [40]
        assert len(rows(store, PersonaRow)) == 40


def test_an_unknown_name_names_the_closest(database: str, de: Population) -> None:
    with Store.open(database) as store:
        with pytest.raises(InputError, match="none is stored yet"):
            store.selection("pool-b")
        store.add(pool(de))
        for ask in (store.selection, store.info, store.delete):
            with pytest.raises(InputError, match="no selection 'pool-b'.*closest is 'pool-a'"):
                ask("pool-b")
        with pytest.raises(InputError, match="no selection 'pol-a'.*closest is 'pool-a'"):
            store.add(pool(de, "other", parent="pol-a", seed=9))
        assert [info.name for info in store.infos()] == ["pool-a"]


def test_selections_share_personas(database: str, de: Population) -> None:
    base = pool(de)
    part = replace(
        base, name="part", kind="reality", personas=base.personas[10:20], parent="pool-a"
    )
    more = pool(de, "more", n=60)
    with Store.open(database) as store:
        for selection in (base, part, more):
            store.add(selection)
        assert len(rows(store, PersonaRow)) == 60
        assert len(rows(store, PopulationRow)) == 1
        for selection in (base, part, more):
            same(selection, store.selection(selection.name))
        assert [info.name for info in store.infos()] == ["pool-a", "part", "more"]


@pytest.mark.parametrize("n", [40, 700])
def test_one_id_is_one_persona(database: str, de: Population, n: int) -> None:
    base = pool(de, n=n)
    changed = dict(base.personas[7].attributes)
    changed["gender"] = "female" if changed["gender"] == "male" else "male"
    people = [*base.personas[:7], Persona(base.personas[7].persona_id, "de", changed)]
    forged = replace(
        base, name="forged", personas=Personas.from_rows(de, [*people, *base.personas[8:]])
    )
    with Store.open(database) as store:
        store.add(base)
        with pytest.raises(
            InputError, match=f"persona {base.personas[7].persona_id} is stored with"
        ):
            store.add(forged)
        assert [info.name for info in store.infos()] == ["pool-a"]
        same(base, store.selection("pool-a"))


def test_a_selection_is_a_set(database: str, de: Population) -> None:
    base = pool(de)
    twice = replace(base, name="twice", personas=base.personas.take([0, 1, 2, 1]))
    short = replace(
        base,
        name="short",
        personas=Personas(de, base.personas.ids.astype("<U12"), base.personas.codes),
    )
    nobody = replace(base, name="nobody", personas=base.personas[:0])
    cross = pairs(base)
    cross = replace(cross, links=cross.links[::-1])
    with Store.open(database) as store:
        for wrong, message in (
            (twice, f"persona {base.personas[1].persona_id} is in it twice"),
            (short, "is not 16 of the digits 0-9 and a-f"),
            (nobody, "is empty"),
            (cross, "does not belong to its twin"),
            (replace(base, parameters={"x": {1, 2}}), "parameters of pool-a: .*set"),
        ):
            with pytest.raises(InputError, match=message):
                store.add(wrong)
        assert store.infos() == []


def test_deleting_takes_only_what_nothing_refers_to(database: str, de: Population) -> None:
    base = pool(de)
    part = replace(
        base, name="part", kind="reality", personas=base.personas[10:20], parent="pool-a"
    )
    with Store.open(database) as store:
        store.add(base)
        store.add(part)
        store.add(pairs(part))
        with pytest.raises(InputError, match="'part' was made from it; delete"):
            store.delete("pool-a")
        with pytest.raises(InputError, match="'cf-a' was made from it"):
            store.delete("part", enrichments=True)
        store.delete("cf-a")
        assert {row[0] for row in rows(store, PersonaRow)} == set(base.personas.ids.tolist())
        assert rows(store, LinkRow) == []
        same(part, store.selection("part"))
        store.delete("part")
        assert len(rows(store, PersonaRow)) == 40
        store.delete("pool-a")
        assert rows(store, PersonaRow) == rows(store, MemberRow) == store.infos() == []


def test_deleting_keeps_members_of_others_and_enrichments_until_told(
    database: str, de: Population
) -> None:
    base = pool(de)
    other = pool(de, "other", n=10)
    person = base.personas[0].persona_id
    with Store.open(database) as store:
        store.add(base)
        store.add(other)
        store.open_run(EnrichmentRun("run-a", "pool-a", "template", None, "de"))
        store.record("run-a", person, {"name": "A B"})
        store.record_failure("run-a", base.personas[1].persona_id, "no")
        with pytest.raises(InputError, match="enrichment runs run-a hang on it"):
            store.delete("pool-a")
        assert store.texts("run-a") == {person: {"name": "A B"}}
        store.delete("pool-a", enrichments=True)
        assert store.runs() == []
        same(other, store.selection("other"))
        assert len(rows(store, PersonaRow)) == 10


def test_changed_tables_are_told_from_those_that_were_drawn_from(
    database: str, copy_of_de: Path
) -> None:
    base = pool(load_population(copy_of_de), source=str(copy_of_de))
    with Store.open(database) as store:
        store.add(base)
        same(base, store.selection("pool-a"))
        with (copy_of_de / "gender.csv").open("a", encoding="utf-8") as file:
            file.write("# a comment is a change too\n")
        with pytest.raises(InputError, match="'pool-a', population de: .* other tables now.*draw"):
            store.selection("pool-a")
        assert store.info("pool-a").n == 40
        shutil.rmtree(copy_of_de)
        with pytest.raises(
            InputError, match="'pool-a', population de: .*neither an id nor a folder"
        ):
            store.selection("pool-a")


def test_attributes_changed_by_hand_are_named(database: str, de: Population) -> None:
    base = pool(de)
    person = base.personas[3].persona_id
    with Store.open(database) as store:
        store.add(base)
        with store._connection.writing():
            store._connection.run(
                PersonaRow.update(attributes='{"age":5}').where(PersonaRow.persona_id == person)
            )
        with pytest.raises(InputError, match=f"persona {person} has no gender"):
            store.selection("pool-a")


def test_foreign_keys_are_enforced(database: str, de: Population) -> None:
    with Store.open(database) as store:
        store.add(pool(de))
        with (
            pytest.raises(Exception, match=r"(?i)foreign key"),
            store._connection.writing(),
        ):
            store._connection.run(PersonaRow.delete())
        assert len(rows(store, PersonaRow)) == 40


def test_any_exception_undoes_the_whole_change(
    database: str, de: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = pool(de)
    with Store.open(database) as store:
        store.add(base)
        insert = store._connection.insert

        def interrupted(model: Any, *arguments: Any) -> None:
            insert(model, *arguments)
            if model is LinkRow:
                raise KeyboardInterrupt

        monkeypatch.setattr(store._connection, "insert", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.add(pairs(base))
        monkeypatch.undo()
        assert len(rows(store, PersonaRow)) == len(rows(store, MemberRow)) == 40
        store.add(pairs(base))
        same(pairs(base), store.selection("cf-a"))


def test_two_stores_can_be_open_at_once(database: str, tmp_path: Path, de: Population) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with Store.open(database) as first, Store.open(other) as second, Store.open(database) as third:
        first.add(pool(de))
        second.add(pool(de, "pool-b"))
        assert [info.name for info in third.infos()] == ["pool-a"]
        assert [info.name for info in second.infos()] == ["pool-b"]


def test_a_wrong_kind_is_no_selection(de: Population) -> None:
    with pytest.raises(InputError):
        Selection("a", "zoo", pool(de).personas, 1, {}, "de")


def test_sqlite_lets_readers_read_while_somebody_writes(tmp_path: Path, de: Population) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store, Store.open(url) as reader:
        database = store._connection.database
        assert database.journal_mode == "wal"
        assert database.foreign_keys == 1
        assert database.pragma("busy_timeout") >= 30_000
        store.add(pool(de))
        with store._connection.writing():
            store._connection.run(
                PersonaRow.insert(persona_id="0" * 16, population=1, attributes="")
            )
            same(pool(de), reader.selection("pool-a"))


def test_a_closed_store_stays_closed(database: str) -> None:
    with Store.open(database) as store:
        store.close()
    with pytest.raises(ValueError, match="is closed"):
        store.infos()
    assert "s3cret" not in store.shown


def test_ids_and_form_are_checked(de: Population, database: str) -> None:
    base = pool(de)
    ids = base.personas.ids.copy()
    ids[0] = "X" * 16
    odd = replace(base, personas=Personas(de, ids, base.personas.codes))
    forms = [replace(base, kind=kind) for kind in ("balanced", "counterfactual")]
    with Store.open(database) as store:
        for wrong, message in (
            (odd, "'XXXXXXXXXXXXXXXX' is not 16 of the digits"),
            (forms[0], "not of the form of a balanced selection .report.method: Field required"),
            (forms[1], "not of the form of a counterfactual selection .report.pairs: Field"),
            (replace(base, parameters={"age": "x"}), "parameters.age: "),
        ):
            with pytest.raises(InputError, match=message):
                store.add(wrong)
        assert store.infos() == []
