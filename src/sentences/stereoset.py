"""StereoSet: from the hub, from a file, or our own triplets in its form."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pluralens._resources import data_file
from pluralens._strict_csv import read_rows
from pluralens.errors import InputError
from pluralens.sentences.integrity import check_labels
from pluralens.sentences.stereoset_file import read_stereoset
from pluralens.sentences.stereoset_hub import DEFAULT_REVISION, HUB_NAME, fetch_stereoset
from pluralens.sentences.triplet import (
    KINDS,
    LABELS,
    Form,
    Kind,
    RawTriplet,
    Triplet,
    form_of,
    make_triplet,
)

__all__ = ["StereoSet", "Triplet", "load_stereoset"]

BUILTIN = "triplets.en.csv"
TEXTS = ("stereotype", "anti_stereotype", "unrelated")
COLUMNS = ("id", "domain", "target", "counterpart", "context", *TEXTS)


@dataclass(frozen=True)
class StereoSet:
    """Triplets and what is known about them.

    Attributes:
        triplets: In the order of their source.
        counts: Triplets per domain, domains in alphabetical order.
        refused: Reason per row of the hub that is not among the triplets. In files every row is
            used or the file is refused.
        about: For the log: source, revision, digest, form, and the outcome of the label check.
    """

    triplets: tuple[Triplet, ...]
    counts: Mapping[str, int]
    refused: Mapping[str, str]
    about: Mapping[str, str | int | float | None]


def load_stereoset(
    source: str | Path = "builtin",
    *,
    revision: str | None = None,
    kind: Kind = "intrasentence",
) -> StereoSet:
    """Load triplets and check that their labels are where they belong.

    Args:
        source: `builtin` (own sentences, offline), `hub` (McGill-NLP/stereoset) or the path of a
            JSONL file with `id`, `bias_type`, `target`, `context`, `stereotype`, `anti-stereotype`,
            `unrelated` per line, in whole sentences or in words for the blank.
        revision: Commit of the hub's repository; None for the one that was read when this was
            written. Only with `hub`.
        kind: `intrasentence` or `intersentence`; a file's own `kind` goes before.

    Raises:
        InputError: A source cannot be read, a row is wrong (file and line are named), or the labels
            are permuted.
    """
    if kind not in KINDS:
        raise InputError(f"kind: {kind!r} is unknown; use {' or '.join(KINDS)}")
    if revision is not None and str(source) != "hub":
        raise InputError("revision: only the hub has revisions; leave it out or use data=hub")
    refused: dict[str, str] = {}
    resolved: str | None = None
    if str(source) == "builtin":
        name = f"datasets/sentences/{BUILTIN}"
        rows, form = _builtin(name), _words(kind)
    elif str(source) == "hub":
        rows, resolved = fetch_stereoset(kind, revision or DEFAULT_REVISION)
        name, form = f"{HUB_NAME} ({kind})", "sentences"
    else:
        name = str(source)
        rows = read_stereoset(Path(source), kind)
        form = form_of(rows)
    triplets = []
    for row in rows:
        try:
            triplets.append(make_triplet(row, form))
        except InputError as error:
            # Nobody here can mend a row of the hub; it is counted with its reason.
            if str(source) != "hub":
                raise
            refused[row.id] = str(error)
    check = check_labels(triplets, name)
    about: dict[str, str | int | float | None] = {
        "source": str(source) if str(source) in ("builtin", "hub") else name,
        "revision": resolved,
        "digest": _digest(triplets),
        "form": form,
        **check._asdict(),
    }
    if math.isnan(check.unrelated_z):
        about["unrelated_z"] = None
    counts = dict(sorted(Counter(one.domain for one in triplets).items()))
    return StereoSet(tuple(triplets), counts, refused, about)


def _words(kind: Kind) -> Form:
    if kind != "intrasentence":
        raise InputError(
            f"kind: there are no {kind} items among the built-in ones; use data=hub or a file"
        )
    return "words"


def _builtin(name: str) -> list[RawTriplet]:
    found = []
    for row in read_rows(data_file("sentences", BUILTIN), name, (COLUMNS,)):
        cells = row.cells
        texts = {label: cells[label.replace("-", "_")] for label in LABELS}
        found.append(
            RawTriplet(
                f"{row.source}, line {row.line}",
                cells["id"],
                cells["domain"],
                cells["target"],
                cells["context"],
                "intrasentence",
                texts,
                cells["counterpart"],
            )
        )
    return found


def _digest(triplets: list[Triplet]) -> str:
    """Hash of ids, targets and texts, whatever their order: 32 hexadecimal digits."""
    rows = sorted("\x1f".join((t.id, t.domain, t.target, *t.sentences)) for t in triplets)
    return hashlib.sha256("\x1e".join(rows).encode()).hexdigest()[:32]
