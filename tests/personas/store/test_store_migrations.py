import pytest
from other_processes import together
from stored_people import pool, same

from pluralens.errors import InputError
from pluralens.personas.population import Population
from pluralens.personas.store import Store, migrations
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.location import parse_url


def run_sql(url: str, *statements: str) -> None:
    connection = Connection(parse_url(url))
    with connection.writing():
        for statement in statements:
            connection.database.execute_sql(statement)
    connection.close()


def test_an_empty_database_is_set_up_once(database: str, de: Population) -> None:
    with Store.open(database) as store:
        assert store.schema == (0, 1)
        store.add(pool(de))
        tables = set(store._connection.database.get_tables()) - {"sqlite_sequence"}
    assert tables == {
        "pluralens_schema",
        "population",
        "persona",
        "selection",
        "selection_member",
        "pair_link",
        "enrichment_run",
        "enrichment",
        "enrichment_failure",
    }
    with Store.open(database) as store:
        assert store.schema == (1, 1)
        same(pool(de), store.selection("pool-a"))


def test_a_newer_schema_is_an_error(database: str) -> None:
    Store.open(database).close()
    run_sql(database, "UPDATE pluralens_schema SET version = 7")
    with pytest.raises(InputError, match="schema has version 7, .* up to 1; update pluralens"):
        Store.open(database)


def test_foreign_tables_are_left_alone(database: str) -> None:
    run_sql(database, "CREATE TABLE persona (x INTEGER)", "INSERT INTO persona VALUES (5)")
    with pytest.raises(InputError, match=r"tables of another program \(persona\).*empty database"):
        Store.open(database)
    connection = Connection(parse_url(database))
    assert connection.database.get_tables() == ["persona"]
    connection.close()


def test_a_schema_without_version_is_an_error(database: str) -> None:
    Store.open(database).close()
    run_sql(database, "DELETE FROM pluralens_schema")
    with pytest.raises(InputError, match="pluralens_schema is empty"):
        Store.open(database)


def test_an_older_schema_is_migrated_with_its_rows(
    database: str, de: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_column(connection: Connection) -> None:
        connection.database.execute_sql("ALTER TABLE selection ADD COLUMN note TEXT")

    with Store.open(database) as store:
        store.add(pool(de))
    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, add_column])
    with Store.open(database) as store:
        assert store.schema == (1, 2)
        same(pool(de), store.selection("pool-a"))
        columns = {c.name for c in store._connection.database.get_columns("selection")}
        assert "note" in columns
    with Store.open(database) as store:
        assert store.schema == (2, 2)


def test_a_migration_that_fails_changes_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(connection: Connection) -> None:
        connection.database.execute_sql("CREATE TABLE half (x INTEGER)")
        raise RuntimeError("planted")

    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, half])
    with pytest.raises(RuntimeError, match="planted"):
        Store.open(database)
    monkeypatch.undo()
    with Store.open(database) as store:
        assert store.schema == (0, 1)
        assert "half" not in store._connection.database.get_tables()


def test_several_may_open_an_empty_database_at_once(database: str) -> None:
    code = "from pluralens.personas.store import Store\nready()\nprint(Store.open(url).schema)"
    found = together(database, [code] * 3)
    assert sorted(found) == ["(0, 1)", *["(1, 1)"] * 2]
