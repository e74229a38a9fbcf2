"""Winogender schemas as published: `templates.tsv` and `occupations-stats.tsv` in one folder."""

from pathlib import Path
from typing import NamedTuple

from pluralens.errors import InputError
from pluralens.sentences.occupations import share_in
from pluralens.sentences.reading import read_lines
from pluralens.sentences.schema import NOBODY, Referent, Schema, form_of

__all__ = ["PublishedSchema", "read_winogender"]

TEMPLATES = ("templates.tsv", "winogender_templates.tsv")
STATISTICS = ("occupations-stats.tsv", "winogender_occupations-stats.tsv")
TEMPLATE_HEADER = ("occupation(0)", "other-participant(1)", "answer", "sentence")
STATISTICS_HEADER = ("occupation", "bergsma_pct_female", "bls_pct_female", "bls_year")
REFERENTS: dict[str, Referent] = {"0": "occupation", "1": "participant"}


class PublishedSchema(NamedTuple):
    """A template that belongs to one occupation."""

    occupation: str
    schema: Schema


def read_winogender(folder: Path) -> tuple[list[PublishedSchema], dict[str, float]]:
    """Read the two tables; their names may start with `winogender_`.

    Args:
        folder: Where they are.

    Returns:
        Templates in file order, and the share of women in percent (Bureau of Labor Statistics) per
        occupation of the templates.

    Raises:
        InputError: The folder or a table is missing, a table is broken (file and line are named),
            a template stands twice, or an occupation has no share.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder; name the one with {TEMPLATES[0]} and "
            f"{STATISTICS[0]}"
        )
    shares = _shares(_one(folder, STATISTICS))
    path = _one(folder, TEMPLATES)
    found: dict[str, PublishedSchema] = {}
    lines: dict[str, int] = {}
    for number, cells in _rows(path, TEMPLATE_HEADER):
        place = f"{path}, line {number}"
        occupation, participant, answer, sentence = cells
        if answer not in REFERENTS:
            raise InputError(
                f"{place}: answer {answer!r}; write 0 (occupation) or 1 (other participant)"
            )
        if participant == NOBODY:
            raise InputError(f"{place}: {NOBODY!r} is put in by itself; name the other participant")
        if occupation not in shares:
            raise InputError(f"{place}: {occupation!r} has no share of women; add it to the other")
        schema = Schema(
            f"{occupation}.{participant}.{answer}", participant, REFERENTS[answer], sentence
        )
        form_of(schema, place)
        earlier = lines.setdefault(f"{occupation}.{answer}", number)
        if earlier != number:
            raise InputError(
                f"{place}: {occupation!r} with answer {answer} already stands in line {earlier}; "
                "keep one of them"
            )
        found[schema.id] = PublishedSchema(occupation, schema)
    used = {one.occupation for one in found.values()}
    return list(found.values()), {name: share for name, share in shares.items() if name in used}


def _one(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: {names[0]} is not there; put it beside the other table")


def _rows(path: Path, header: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    (first, head), *lines = read_lines(path)
    if tuple(head.split("\t")) != header:
        raise InputError(
            f"{path}, line {first}: the header must be {', '.join(header)}, separated by tabs; "
            "use the published table"
        )
    rows = []
    for number, line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {number}: {len(cells)} columns for {len(header)}; separate "
                f"{', '.join(header)} by tabs"
            )
        for column, cell in zip(header, cells, strict=True):
            if not cell:
                raise InputError(f"{path}, line {number}: {column} is empty; fill it in")
        rows.append((number, cells))
    if not rows:
        raise InputError(f"{path}: there is nothing below the header; use the published table")
    return rows


def _shares(path: Path) -> dict[str, float]:
    shares: dict[str, float] = {}
    for number, cells in _rows(path, STATISTICS_HEADER):
        share = share_in(cells[2])
        if share is None:
            raise InputError(
                f"{path}, line {number}: bls_pct_female {cells[2]!r} is no percentage; write a "
                "number from 0 to 100"
            )
        if cells[0] in shares:
            raise InputError(f"{path}, line {number}: {cells[0]!r} stands twice; keep one of them")
        shares[cells[0]] = share
    return shares
