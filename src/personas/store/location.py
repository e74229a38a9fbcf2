"""Where the store is: `DB_URL`, its parts, and how it is shown without its password."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pluralens._start_folder import start_folder
from pluralens.errors import InputError

__all__ = ["MEMORY", "Location", "database_url", "parse_url", "without_password"]

VARIABLE = "DB_URL"
FILE_NAME = "pluralens.db"
MEMORY = ":memory:"
SQLITE = "sqlite"
POSTGRESQL = ("postgresql", "postgres")
FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True)
class Location:
    """A database, in parts.

    Attributes:
        engine: `sqlite` or `postgresql`.
        database: Absolute path of the file (or `:memory:`), or name of the database.
        server: Keywords of libpq, the password among them; never shown.
        shown: The URL without password.
    """

    engine: str
    database: str
    shown: str
    server: Mapping[str, str] = field(default_factory=dict, repr=False)


def database_url() -> str:
    """The URL of the store that is used where none is named.

    `DB_URL` of the environment comes first; then that of the closest `.env` file in the current
    folder or above it, which is where inspect looks too; else the file `pluralens.db` in the
    user's data folder of the platform, which is made. A relative file is made absolute here:
    one from the `.env` file starts at that file's folder, as inspect's own log folder does, any
    other one at the folder in which the run was started.

    Raises:
        InputError: The URL is none that the store can use, or the data folder cannot be made.
    """
    from dotenv import dotenv_values, find_dotenv

    file = find_dotenv(usecwd=True)
    written = (dotenv_values(file).get(VARIABLE) or "") if file else ""
    # inspect puts what the file says into the environment: the same value is the file's.
    url = os.environ.get(VARIABLE, "").strip() or written.strip()
    if url:
        base = Path(file).parent if url == written.strip() else start_folder()
        return _absolute(url, base)
    return f"{SQLITE}:///{_data_folder() / FILE_NAME}"


def _data_folder() -> Path:
    from platformdirs import user_data_dir

    folder = Path(user_data_dir("pluralens"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = error.strerror
    else:
        return folder
    raise InputError(
        f"folder {folder} for the store cannot be made: {problem}; set {VARIABLE} to {FORMS}"
    )


def _absolute(url: str, base: Path) -> str:
    location = parse_url(url, base)
    if location.engine == SQLITE:
        return f"{SQLITE}:///{location.database}"
    return url


def parse_url(url: str, base: Path | None = None) -> Location:
    """Take a URL apart.

    Args:
        url: `sqlite:///FILE` (what follows the third slash is the path as it is: nothing in it is
            percent-encoded) or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?keyword=value`, with
            the keywords of libpq.
        base: Where relative files start; default the current folder.

    Raises:
        InputError: It has another form. The message has no password in it.
    """
    url = url.strip()
    scheme, found, rest = url.partition("://")
    if found and scheme == SQLITE:
        return _sqlite(rest, Path.cwd() if base is None else base)
    if found and scheme in POSTGRESQL:
        return _postgresql(url)
    if not found:
        # Not shown: a connection string of another form may have its password anywhere.
        raise InputError(f"{VARIABLE} is no database URL, there is no '://' in it; write {FORMS}")
    close = get_close_matches(scheme.lower(), (SQLITE, *POSTGRESQL), n=1)
    hint = f"the closest is {close[0]}://" if close else f"write {FORMS}"
    raise InputError(
        f"{VARIABLE}: {without_password(url)} has the scheme {scheme!r}, which the store does not "
        f"know; {hint}"
    )


def _sqlite(rest: str, base: Path) -> Location:
    if not rest.startswith("/"):
        raise InputError(
            f"{VARIABLE}: sqlite://{rest} names a server, which SQLite has none of; write three "
            "slashes before the file, sqlite:///FILE"
        )
    path = rest.removeprefix("/")
    if "?" in path or "\0" in path:
        raise InputError(
            f"{VARIABLE}: {f'{SQLITE}://{rest}'!r} has a '?' or NUL in it; name a file without, "
            "and no options"
        )
    if not path:
        raise InputError(f"{VARIABLE}: sqlite:/// names no file; write sqlite:///FILE")
    if path != MEMORY:
        path = os.path.abspath(base / Path(path).expanduser())
    return Location(SQLITE, path, f"{SQLITE}:///{path}")


def _postgresql(url: str) -> Location:
    shown = without_password(url)
    place = f"{VARIABLE}: {shown}"
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
    except ValueError:
        # Its text quotes the URL.
        parts, hosts = SplitResult("", "", "", "", ""), ""
    if not parts.scheme:
        raise InputError(f"{place} is no valid URL; write postgresql://USER:PASSWORD@HOST/DATABASE")
    if "@" in parts.path or "@" in parts.query or "#" in url:
        raise InputError(
            f"{place} has '/', '?', '#' or '@' where it cannot stand as it is; in a user, password "
            "or option write %2F, %3F, %23, %40"
        )
    host, port = _host_and_port(place, hosts)
    server: dict[str, str] = {}
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    for keyword, value in (
        ("host", unquote(host)),
        ("port", port),
        ("user", unquote(user)),
        ("password", unquote(password)),
        *options.items(),
    ):
        if "\0" in value:
            raise InputError(f"{place} has a NUL in its {keyword}; leave it out")
        if value:
            server[keyword] = value
    database = unquote(parts.path.removeprefix("/")) or server.pop("dbname", "")
    if not database or "/" in database or "\0" in database:
        raise InputError(
            f"{place} names no database; write postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return Location(POSTGRESQL[0], database, shown, server)


def _host_and_port(place: str, hosts: str) -> tuple[str, str]:
    if hosts.startswith("["):
        host, _, rest = hosts.removeprefix("[").partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = hosts.partition(":")
    # The port itself is not shown: without a host it is the password.
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise InputError(
            f"{place} has a port that is no number from 1 to 65535; write HOST:PORT, as in "
            "localhost:5432"
        )
    return host, port


def without_password(url: str) -> str:
    """A URL as it may be shown, whether or not it is a valid one.

    Whatever could be a password is left out: what follows the colon before the last `@`, a port
    that is no number, and every option with `pass` in its name.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    account, at, place = rest.rpartition("@")
    if any(character in account for character in "/?#"):
        # They stand in a password as they are, or the `@` stands in an option: who can tell.
        return f"{scheme}://***"
    account = f"{account.partition(':')[0]}:***" if ":" in account else account
    place, question, query = place.partition("?")
    hosts, slash, name = place.partition("/")
    if not hosts.startswith("["):
        host, colon, port = hosts.partition(":")
        if colon and not (port.isascii() and port.isdigit()):
            hosts = f"{host}:***"
    options = [
        f"{option.partition('=')[0]}=***" if "pass" in option.partition("=")[0].lower() else option
        for option in query.split("&")
    ]
    shown = f"{scheme}://{account}{at}{hosts}{slash}{name}{question}{'&'.join(options)}"
    return "".join(c if c.isprintable() else "?" for c in shown)
