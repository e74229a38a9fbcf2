from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from stored_people import pairs, pool

from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.store import KEYS, EnrichmentRun, Store

RUN = EnrichmentRun("run-a", "pool-a", "model", "openai/x", "de", {"temperature": 0.5, "seed": 1})
TEXTS = {
    "name": "Jürgen Groß",
    "appearance": "a\tb \\N",
    "biography": "Born \N{GRINNING FACE}\nthere.",
}


def test_a_run_is_opened_once_and_continued(database: str, de: Population) -> None:
    with Store.open(database) as store:
        store.add(pool(de))
        made = store.open_run(RUN)
        assert made.created is not None
        assert abs((datetime.now(UTC) - made.created).total_seconds()) < 60
        assert replace(made, created=None) == RUN
    with Store.open(database) as store:
        assert store.open_run(RUN) == made
        # A time of one's own, and the order of parameters, make no other run.
        again = replace(RUN, created=datetime.now(UTC), parameters={"seed": 1, "temperature": 0.5})
        assert store.open_run(again) == made == store.run("run-a")
        assert store.runs() == [made]


def test_a_run_with_other_settings_is_refused_and_the_difference_named(
    database: str, de: Population
) -> None:
    with Store.open(database) as store:
        store.add(pool(de))
        store.add(pool(de, "pool-b", seed=2))
        store.open_run(RUN)
        for other, message in (
            (replace(RUN, model="openai/y"), "model is 'openai/x', not 'openai/y'"),
            (replace(RUN, language="en"), "language is 'de', not 'en'"),
            (replace(RUN, selection="pool-b"), "selection is 'pool-a', not 'pool-b'"),
            (replace(RUN, enricher="template"), "enricher is 'model', not 'template'"),
            (replace(RUN, parameters={"seed": 2}), "seed is 1, not 2, temperature is 0.5, not"),
        ):
            with pytest.raises(InputError, match=message):
                store.open_run(other)
        assert len(store.runs()) == 1


def test_an_unknown_run_or_selection_names_the_closest(database: str, de: Population) -> None:
    with Store.open(database) as store:
        store.add(pool(de))
        with pytest.raises(InputError, match="no selection 'pool-x'.*closest is 'pool-a'"):
            store.open_run(replace(RUN, selection="pool-x"))
        store.open_run(RUN)
        for ask in (
            lambda: store.run("run-b"),
            lambda: store.texts("run-b"),
            lambda: store.failures("run-b"),
            lambda: store.counts("run-b"),
            lambda: store.record("run-b", "0" * 16, TEXTS),
            lambda: store.record_failure("run-b", "0" * 16, "no"),
        ):
            with pytest.raises(InputError, match="no enrichment run 'run-b'.*closest is 'run-a'"):
                ask()


def test_the_first_writing_wins(database: str, de: Population) -> None:
    base = pool(de)
    one, other = base.personas.ids[:2].tolist()
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)
        assert store.record("run-a", one, TEXTS)
        assert not store.record("run-a", one, {"name": "Somebody Else"})
        assert not store.record("run-a", one, {"biography": "x"})
        assert store.texts("run-a") == {one: TEXTS}
        assert store.record("run-a", other, {"name": ""})
    with Store.open(database) as store:
        assert store.texts("run-a", [other, one, "0" * 16]) == {other: {"name": ""}, one: TEXTS}
        assert list(store.texts("run-a", [other, one])) == [other, one]
        assert list(store.texts("run-a")) == sorted([one, other])
        assert tuple(store.texts("run-a", [one])[one]) == KEYS


def test_a_failure_gives_way_to_texts_and_texts_to_nothing(database: str, de: Population) -> None:
    base = pool(de)
    one, other = base.personas.ids[:2].tolist()
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)
        assert store.record_failure("run-a", one, "too long: \0 \ud800")
        assert store.record_failure("run-a", other, "first")
        assert store.record_failure("run-a", other, "second")
        assert store.failures("run-a") == {one: "too long: \ufffd ?", other: "second"}
        assert store.texts("run-a") == {}
        assert store.record("run-a", other, TEXTS)
        assert not store.record_failure("run-a", other, "third")
        assert store.failures("run-a") == {one: "too long: \ufffd ?"}
        assert store.texts("run-a") == {other: TEXTS}
        # Of personas, not of texts.
        assert len(TEXTS) > 1 and store.counts("run-a") == (1, 1)


def test_runs_are_kept_apart(database: str, de: Population) -> None:
    base = pool(de)
    one = str(base.personas.ids[0])
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)
        store.open_run(EnrichmentRun("run-b", "pool-a", "template", None, "en"))
        store.record("run-a", one, {"name": "A"})
        assert store.record_failure("run-b", one, "no")
        assert store.record("run-b", one, {"name": "B"})
        assert store.texts("run-a") == {one: {"name": "A"}}
        assert store.texts("run-b") == {one: {"name": "B"}}
        assert store.counts("run-a") == store.counts("run-b") == (1, 0)
        assert [run.name for run in store.runs()] == ["run-a", "run-b"]
        assert store.run("run-b").model is None


def test_twins_may_be_enriched_and_strangers_not(database: str, de: Population) -> None:
    base = pool(de)
    cf = pairs(base)
    assert cf.twins is not None
    stranger = str(pool(de, seed=5).personas.ids[0])
    with Store.open(database) as store:
        store.add(base)
        store.add(cf)
        store.open_run(replace(RUN, selection="cf-a"))
        assert store.record("run-a", str(cf.twins.ids[3]), TEXTS)
        for write in (
            lambda: store.record("run-a", stranger, TEXTS),
            lambda: store.record_failure("run-a", stranger, "no"),
        ):
            with pytest.raises(InputError, match=f"persona '{stranger}' is not in its selection"):
                write()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "there are no texts"),
        ({"name": "A", "hobby": "x"}, "'hobby' is no key of a text; use name, appearance"),
        ({"name": "A\0"}, "the name is no text"),
        ({"biography": "\ud800"}, "the biography is no text"),
        ({"name": None}, "the name is no text"),
    ],
)
def test_wrong_texts_are_refused(
    database: str, de: Population, texts: dict[str, str], message: str
) -> None:
    base = pool(de)
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)
        with pytest.raises(InputError, match=message):
            store.record("run-a", str(base.personas.ids[0]), texts)
        assert store.texts("run-a") == {}


def test_texts_of_many_personas(database: str, de: Population) -> None:
    base = pool(de, n=2000)
    ids = base.personas.ids.tolist()
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)
        for one in ids[::10]:
            store.record("run-a", one, {"name": one})
        found = store.texts("run-a", ids)
        assert found == {one: {"name": one} for one in ids[::10]}
        assert list(found) == ids[::10]


def test_threads_may_share_a_store(database: str, de: Population) -> None:
    base = pool(de)
    ids = base.personas.ids.tolist()
    wins: list[bool] = []
    with Store.open(database) as store:
        store.add(base)
        store.open_run(RUN)

        def work(name: str) -> None:
            wins.extend(store.record("run-a", one, {"name": name}) for one in ids)

        threads = [Thread(target=work, args=(f"thread {i}",)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wins.count(True) == len(ids) == len(store.texts("run-a"))
        assert wins.count(False) == 2 * len(ids)


def test_many_at_once_or_nobody(de: Population, database: str) -> None:
    base = pool(de)
    a, b, c, d = base.personas.ids[:4].tolist()
    with Store.open(database) as store:
        store.add(base)
        wrong = [
            ([(a, {"name": "A"}), ("0" * 16, {"name": "B"})], [], "is not in its selection"),
            ([(a, {"name": "A"})], [("0" * 16, "no")], "is not in its selection"),
            ([(a, {"name": "A"}), (b, {"hobby": "B"})], [], "'hobby' is no key of a text"),
            ([(a, {"name": "A"}), (b, {})], [], "there are no texts"),
        ]
        for texts, failures, message in wrong:
            with pytest.raises(InputError, match=message):
                store.record_many(RUN, texts, failures)
            assert store.runs() == []
        store.open_run(RUN)
        store.record(RUN.name, a, {"name": "first"})
        store.record_failure(RUN.name, b, "before")
        store.record_failure(RUN.name, d, "before")
        texts = [(a, {"name": "A"}), (b, {"name": "B", "biography": "b"}), (b, {"name": "again"})]
        failures = [(a, "late"), (b, "late"), (c, "one"), (c, "two"), (d, "NUL \0")]
        assert store.record_many(RUN, texts, failures) == {b}
        assert store.texts(RUN.name) == {
            a: {"name": "first"}, b: {"name": "B", "biography": "b"}
        }  # fmt: skip
        assert store.failures(RUN.name) == {c: "two", d: "NUL \N{REPLACEMENT CHARACTER}"}
        assert store.record_many(RUN, texts, failures) == set()
        with pytest.raises(InputError, match="language is 'de', not 'en'"):
            store.record_many(replace(RUN, language="en"), texts)
