"""Read a selection from a file, strictly."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralens._file_bytes import file_bytes
from pluralens.errors import InputError
from pluralens.personas.files.checking import checked_personas
from pluralens.personas.files.csv_file import read_csv
from pluralens.personas.files.layout import FORMAT, METADATA_KEYS, checksum, shown
from pluralens.personas.files.parquet_file import read_parquet
from pluralens.personas.population import load_population
from pluralens.personas.selection import KINDS, Selection, check_name
from pluralens.personas.stored_form import problem_of

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["read_selection"]

READERS = {".csv": read_csv, ".parquet": read_parquet}
TEXTS = ("name", "source", "population", "version", "population_digest", "digest", "checksum")
NEW = (
    "to import the personas as a new selection, delete the metadata (of a CSV file: the lines that "
    "start with #)"
)


def read_selection(
    path: str | Path, *, name: str | None = None, population: str | None = None
) -> Selection:
    """Read what `export_selection` wrote, or a table of personas made by hand.

    A table made by hand has a column per drawn attribute of the population, in any order, and
    optionally `persona_id` and the columns of pairs. It becomes a selection of the kind `import`.

    Args:
        path: A `.csv` or `.parquet` file.
        name: Name of the selection; None for the one in the file.
        population: Id or folder of the population; None for the one in the file.

    Returns:
        The selection: the exported one, its digest included, under `name`. Whether the parent
        that it names is in a store is not looked up.

    Raises:
        InputError: Something in the file is wrong, with line and column; or the file is of another
            population or of other tables, or its rows are not those that were exported.
    """
    file = Path(path)
    read = READERS.get(file.suffix.lower())
    if read is None:
        raise InputError(
            f"{file}: the ending {file.suffix!r} is no format; it must be .csv or .parquet"
        )
    raw = file_bytes(file, str(file))
    table = read(raw, str(file))
    metadata = None if table.metadata is None else _checked(table.metadata, str(file))
    if population is None and metadata is None:
        raise InputError(
            f"{file}: the file does not say of which population the personas are; give it with "
            "--population (population=)"
        )
    if name is None and metadata is None:
        raise InputError(f"{file}: the selection needs a name; give it with --name (name=)")
    wanted = check_name("selection", metadata["name"] if name is None and metadata else name)
    source = str(metadata["source"] if population is None and metadata else population)
    people = _population(source, metadata, str(file))
    bases, twins, links = checked_personas(table, people)
    if metadata is None:
        return Selection(
            name=wanted,
            kind="import",
            personas=bases,
            seed=None,
            parameters={"file": file.name, "sha256": hashlib.sha256(raw).hexdigest()},
            source=source,
            twins=twins,
            links=links,
        )
    selection = Selection(
        name=wanted,
        kind=metadata["kind"],
        personas=bases,
        seed=metadata["seed"],
        parameters=metadata["parameters"],
        source=source,
        report=metadata["report"],
        parent=metadata["parent"],
        twins=twins,
        links=links,
    )
    if selection.digest() != metadata["digest"]:
        raise InputError(
            f"{file}: the rows are not those that were exported; restore the file, or, {NEW}"
        )
    return selection


def _checked(metadata: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Metadata of the right form; that the rest of the file fits it is checked later."""
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{source}: the file's format is {shown(metadata.get('format'))}, and this pluralens "
            f"knows {FORMAT}; update pluralens or export the selection again"
        )

    def wrong(key: str) -> InputError:
        return InputError(
            f"{source}: {key}: {shown(metadata.get(key))} in the file's metadata is damaged; "
            f"export the selection again, or, {NEW}"
        )

    for key in (*METADATA_KEYS, *metadata):
        if key not in metadata or key not in METADATA_KEYS:
            raise wrong(key)
    for key in TEXTS:
        if not isinstance(metadata[key], str):
            raise wrong(key)
    for key in ("parameters", "report"):
        if not isinstance(metadata[key], dict):
            raise wrong(key)
    if metadata["kind"] not in KINDS:
        raise wrong("kind")
    seed, parent = metadata["seed"], metadata["parent"]
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise wrong("seed")
    if parent is not None:
        check_name(f"{source}: the parent", parent)
    problem = problem_of(metadata["kind"], metadata["parameters"], metadata["report"])
    if problem is not None:
        raise InputError(
            f"{source}: the file's metadata is damaged ({problem}); export the selection again, "
            f"or, {NEW}"
        )
    if metadata["checksum"] != checksum(metadata):
        raise InputError(
            f"{source}: the file's metadata is not what was exported (another name is given with "
            f"--name); restore the file, or, {NEW}"
        )
    return metadata


def _population(source: str, metadata: Mapping[str, Any] | None, file: str) -> "Population":
    try:
        people = load_population(source)
    except InputError as error:
        raise InputError(f"{file}: {error} (--population names another place)") from None
    if metadata is None:
        return people
    if metadata["population"] != people.id:
        raise InputError(
            f"{file}: the personas are of population {shown(metadata['population'])}, not "
            f"{people.id!r}; give the right one with --population"
        )
    if metadata["population_digest"] != people.digest:
        raise InputError(
            f"{file}: the personas were drawn from other tables of population {people.id} (version "
            f"{shown(metadata['version'])}, digest {metadata['population_digest'][:12]!r}, here "
            f"{people.version!r}, {people.digest[:12]!r}); give the folder with those tables with "
            "--population"
        )
    return people
