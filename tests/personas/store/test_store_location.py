import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_people import chain

from pluralens import _start_folder
from pluralens.errors import InputError
from pluralens.personas.store import Store, database_url
from pluralens.personas.store.location import parse_url, without_password


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with no `DB_URL` and a data folder of its own."""
    monkeypatch.delenv("DB_URL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    # Whoever imported the registry before these tests was somewhere else.
    monkeypatch.setattr(_start_folder, "_remembered", [])
    return tmp_path / "here"


def test_the_environment_comes_first(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / ".env").write_text("DB_URL=sqlite:///from-file.db\n")
    assert database_url() == f"sqlite:///{here}/from-file.db"
    monkeypatch.setenv("DB_URL", "postgresql://u:p@h/d")
    assert database_url() == "postgresql://u:p@h/d"
    monkeypatch.setenv("DB_URL", "sqlite:///other.db")
    assert database_url() == f"sqlite:///{here}/other.db"


def test_the_closest_env_file_is_found_from_below(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / ".env").write_text("OTHER=1\nDB_URL='sqlite:///people.db'\n")
    monkeypatch.chdir(here / "below")
    assert database_url() == f"sqlite:///{here}/people.db"
    # inspect has read the file into the environment by the time that a task runs.
    monkeypatch.setenv("DB_URL", "sqlite:///people.db")
    assert database_url() == f"sqlite:///{here}/people.db"
    monkeypatch.setenv("DB_URL", "sqlite:///another.db")
    assert database_url() == f"sqlite:///{here}/below/another.db"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is where Linux has it")
def test_without_a_url_the_data_folder_is_made(here: Path) -> None:
    (here / ".env").write_text("OTHER=1\nDB_URL=\n")
    data = here.parent / "data"
    assert database_url() == f"sqlite:///{data}/pluralens/pluralens.db"
    with Store.open() as store:
        assert store.shown == database_url()
    assert (data / "pluralens" / "pluralens.db").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is where Linux has it")
def test_a_data_folder_that_cannot_be_made_is_named(here: Path) -> None:
    (here.parent / "data").write_text("a file")
    with pytest.raises(InputError, match=r"data/pluralens.* cannot be made: .*; set DB_URL to"):
        database_url()


def test_relative_files_are_absolute_before_the_folder_changes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open("sqlite:///a b%20#ü.db") as store:
        monkeypatch.chdir(here / "below")
        assert store.shown == f"sqlite:///{here}/a b%20#ü.db"
        assert store.infos() == []
    assert (here / "a b%20#ü.db").is_file()
    home = os.path.expanduser("~")
    assert parse_url("sqlite:///~/x.db").database == f"{home}/x.db"
    assert parse_url("sqlite:////tmp/x.db").database == "/tmp/x.db"


def test_a_database_in_memory() -> None:
    with Store.open("sqlite:///:memory:") as store:
        assert store.infos() == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_the_parts_of_a_server(scheme: str) -> None:
    found = parse_url(
        f"{scheme}://us%40er:p%2Fw%3A@[::1]:5433/d%20b?sslmode=require&options=-cx%3D1"
    )
    assert (found.engine, found.database) == ("postgresql", "d b")
    assert found.server == {
        "host": "::1",
        "port": "5433",
        "user": "us@er",
        "password": "p/w:",
        "sslmode": "require",
        "options": "-cx=1",
    }
    assert found.shown == f"{scheme}://us%40er:***@[::1]:5433/d%20b?sslmode=require&options=-cx%3D1"
    assert "p/w:" not in repr(found)
    assert parse_url(f"{scheme}:///db?host=/run/pg").server == {"host": "/run/pg"}


WRONG = [
    ("", "no database URL"),
    ("people.db", "no database URL.*sqlite:///FILE"),
    ("host=x password=hunter2", "no database URL"),
    ("mysql://u:hunter2@h/d", "scheme 'mysql'.*write sqlite"),
    ("postgre://u:hunter2@h/d", "scheme 'postgre'.*closest is postgres"),
    ("sqlite://people.db", "three slashes"),
    ("sqlite:///", "names no file"),
    ("sqlite:///people.db?mode=ro", "'\\?'.*no options"),
    ("postgresql://u:hunter2@h:abc/d", "port that is no number"),
    ("postgresql://u:hunter2@h:99999/d", "port that is no number"),
    ("postgresql://u:hunter2/d", "port that is no number"),
    ("postgresql://u:hunter2@h", "names no database"),
    ("postgresql://u:hunter2@h/", "names no database"),
    ("postgresql://u:hunter2@h/a/b", "names no database"),
    ("postgresql://u:hunter2@h/d%00", "names no database"),
    ("postgresql://u:hun%00ter2@h/d", "NUL in its password"),
    ("postgresql://u:hun/ter2@h/d", "%2F"),
    ("postgresql://u:hun?ter2@h/d", "%3F"),
    ("postgresql://u:hun#ter2@h/d", "%23"),
    ("postgresql://h/d?password=hun@ter2", "%40"),
    ("postgresql://u:hunter2@[::1/d", "no valid URL"),
    ("postgresql://u:hunter2@h\u2100x/d", "no valid URL"),
]


@pytest.mark.parametrize(("url", "message"), WRONG)
def test_wrong_urls_are_one_line_without_the_password(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    for call in (lambda: parse_url(url), lambda: Store.open(url)):
        with pytest.raises(InputError, match=message) as caught:
            call()
        for text in chain(caught.value):
            assert "ter2" not in text and "hun" not in text
            assert "\n" not in str(caught.value)
    if url:
        monkeypatch.setenv("DB_URL", url)
        with pytest.raises(InputError, match=message):
            database_url()


SECRET = st.text(min_size=6).filter(lambda text: not text.isdecimal())


@given(SECRET)
def test_no_password_is_ever_shown(password: str) -> None:
    encoded = quote(password.encode("utf-8", "replace"), safe="")
    for secret in (password, encoded):
        for url in (
            f"postgresql://user:{secret}@host:5432/db",
            f"postgresql://user:{secret}@host:5432/db?sslmode=require",
            f"mysql://user:{secret}@host/db",
        ):
            shown = without_password(url)
            assert secret not in shown
            assert shown.isprintable()
    for option in ("password", "sslpassword", "PASSWORD"):
        assert encoded not in without_password(f"postgresql://host/db?a=b&{option}={encoded}&c=d")


def test_the_package_loads_no_driver() -> None:
    code = (
        "import sys; from pluralens.personas.store import database_url, EnrichmentRun, KEYS; "
        "heavy = {'peewee', 'psycopg', 'sqlite3', 'inspect_ai', 'pandas', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_a_missing_driver_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pluralens.errors import InputError\n"
        "from pluralens.personas.store import Store\n"
        "Store.open('sqlite:///:memory:').close()\n"
        "try:\n    Store.open('postgresql://u:hunter2@127.0.0.1/d')\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == (
        "store postgresql://u:***@127.0.0.1/d: PostgreSQL needs the driver psycopg; "
        'run pip install "pluralens[postgres]"\n'
    )
