"""Questions and people of one's own: CSV, JSON Lines or Parquet.

Questions
    Columns `question`, and if wanted `id`, `topic`, `language`; no others.
Personas
    One column per attribute, and if wanted `id` or `persona_id`. Empty cells are missing values.

What a file holds is told by the column `question`. `-T source=questions.csv` takes the people of
the built-in population, `-T source=questions.csv,personas.parquet` one's own, in either order; a
folder holds files called `questions` and, if wanted, `personas`, each with one of the endings.
Names of columns may be written with spaces and capitals. Lines of a CSV file that start with `#`
are comments where they stand above the header.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pluralens.errors import InputError
from pluralens.questions.attribute_names import closest
from pluralens.questions.json_file import read_text, unique_keys
from pluralens.questions.person_table import people_digest, people_of
from pluralens.questions.question_table import (
    QUESTION,
    in_language,
    questions_digest,
    questions_of,
)
from pluralens.questions.records import Records
from pluralens.questions.sources import BUILTIN, HUB, People, Source

__all__ = ["ENDINGS", "load_files", "read_records"]

ENDINGS = (".csv", ".jsonl", ".parquet")
FOLDER = ("questions", "personas")


def load_files(paths: Sequence[str], language: str) -> Source:
    """Questions of a file, and people of another one or of the built-in population.

    Args:
        paths: One or two files, or one folder.
        language: Of the questions to take.

    Raises:
        InputError: A file is missing or wrong, it is not clear which one holds what, or no question
            is in the language.
    """
    files = _in_folder(Path(paths[0])) if len(paths) == 1 else [Path(one) for one in paths]
    tables = [read_records(file) for file in files]
    asked = [table for table in tables if QUESTION in table.columns]
    if len(asked) != 1:
        told = "no file has" if not asked else "both files have"
        columns = "; ".join(f"{table.source}: {', '.join(table.columns)}" for table in tables)
        raise InputError(
            f"source: {told} the column {QUESTION!r}, which the file of questions has and the one "
            f"of personas has not ({columns}); rename the column or name the right files"
        )
    questions = in_language(questions_of(asked[0]), language, asked[0].source)
    others = [table for table in tables if table is not asked[0]]
    about: dict[str, Any] = {
        "source": "files",
        "questions_file": Path(asked[0].source).name,
        "language": language,
        "questions": len(questions),
        "questions_digest": questions_digest(questions),
    }
    people: People
    if others:
        listed = people_of(others[0])
        people, attributes, numeric = listed, listed.attributes, listed.numeric
        about |= {
            "personas_file": Path(others[0].source).name,
            "personas": len(listed.people),
            "personas_digest": people_digest(listed.people),
        }
    else:
        from pluralens.questions.builtin import builtin_people

        drawn = builtin_people()
        people, attributes, numeric = drawn, drawn.attributes, drawn.numeric
        about |= drawn.about
    return Source(",".join(paths), questions, attributes, numeric, about, people)


def read_records(path: Path) -> Records:
    """The rows of a file.

    Raises:
        InputError: The ending is unknown, or the file is missing, unreadable, damaged or empty.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        hint = f"convert it to one of {', '.join(ENDINGS)}"
        if not path.exists():
            hint = closest(str(path), (BUILTIN, HUB)) + f", or name a file {', '.join(ENDINGS)}"
        raise InputError(
            f"source={str(path)!r} is neither {BUILTIN}, {HUB} nor a file of a known ending; {hint}"
        )
    if ending == ".parquet":
        return _parquet(path)
    text = read_text(path)
    return _csv(text, str(path)) if ending == ".csv" else _json_lines(text, str(path))


def _in_folder(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = []
    for name in FOLDER:
        found = sorted(f for f in path.iterdir() if f.stem == name and f.suffix.lower() in ENDINGS)
        if len(found) > 1:
            listed = ", ".join(file.name for file in found)
            raise InputError(f"{path}: {listed} are all {name}; keep one of them")
        files += found
    if not files or files[0].stem != FOLDER[0]:
        raise InputError(
            f"{path}: this folder has no file questions{', questions'.join(ENDINGS)}; add one, or "
            "name the files themselves"
        )
    return files


def _csv(text: str, source: str) -> Records:
    from pluralens.personas.files.csv_file import read_csv

    table = read_csv(text.encode(), source)
    names = list(table.columns)
    rows = [
        dict(zip(names, cells, strict=True)) for cells in zip(*table.columns.values(), strict=True)
    ]
    return Records.of(source, names, rows, [f"line {line}" for line in table.lines or ()])


def _json_lines(text: str, source: str) -> Records:
    rows: list[dict[str, Any]] = []
    places = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise InputError(
                f"{source}, line {number}: not valid JSON ({reason}); write one object per line"
            ) from None
        if not isinstance(row, dict):
            raise InputError(
                f"{source}, line {number}: this is no object; write one object per line"
            )
        rows.append(row)
        places.append(f"line {number}")
    return Records.of(source, list(dict.fromkeys(key for row in rows for key in row)), rows, places)


def _parquet(path: Path) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: there is no such file; check the path")
    try:
        table = pq.read_table(path)
        # What pandas keeps as the index of a frame is no column of ours.
        names = [name for name in table.column_names if not name.startswith("__index_level_")]
        if len(set(names)) < len(names):
            raise InputError(f"{path}: a column occurs twice; drop one")
        rows = table.select(names).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(
            f"{path}: this is no Parquet file, or a damaged one; write it again"
        ) from None
    return Records.of(str(path), names, rows, [f"row {i}" for i in range(1, len(rows) + 1)])
