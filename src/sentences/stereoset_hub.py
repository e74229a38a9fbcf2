"""Triplets from the Hugging Face hub: McGill-NLP/stereoset, CC BY-SA 4.0, read but never kept."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pluralens.errors import InputError
from pluralens.sentences.triplet import LABELS, Kind, RawTriplet

__all__ = ["DEFAULT_REVISION", "HUB_NAME", "fetch_stereoset"]

HUB_NAME = "McGill-NLP/stereoset"
# Both configurations as parquet, so that nothing of the repository is executed.
DEFAULT_REVISION = "bf6e7ce50491784d094fb7afe60a70ecccb89035"
# The numbers of the hub's class labels. Read the other way round, every score turns around.
CODING = {0: "anti-stereotype", 1: "stereotype", 2: "unrelated"}


def fetch_stereoset(kind: Kind, revision: str) -> tuple[list[RawTriplet], str | None]:
    """Fetch the rows of one configuration; cached by the `datasets` library.

    Args:
        kind: The configuration.
        revision: Commit, branch or tag.

    Returns:
        Rows, and the commit that they came from; None where the library does not tell.

    Raises:
        InputError: The extra `hub` is not installed, the hub cannot be reached, the revision does
            not exist, or the rows are not those of StereoSet.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise InputError(
            'data=hub needs the library datasets; install it with: pip install "pluralens[hub]"'
        ) from None
    try:
        found = load_dataset(HUB_NAME, kind, split="validation", revision=revision)
    except (OSError, ValueError) as error:
        # No network, an unknown revision, a gated or damaged repository: all are one of these.
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{HUB_NAME} at {revision}: cannot be fetched ({first}); check the network and the "
            "revision, or use data=builtin or data=FILE"
        ) from None
    rows = [_row(row, kind) for row in found]
    if not rows:
        raise InputError(f"{HUB_NAME} at {revision}: there are no rows; use another revision")
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise InputError(f"{row.place}: the id stands twice; use another revision")
        seen.add(row.id)
    return rows, _commit(found, revision)


def _row(row: Mapping[str, Any], kind: Kind) -> RawTriplet:
    place = f"{HUB_NAME} ({kind}), item {row.get('id')}"
    try:
        texts: dict[str, str] = {}
        for sentence, gold in _sentences(row["sentences"]):
            label = gold if isinstance(gold, str) else CODING[gold]
            texts[label] = str(sentence)
        name, domain, target, context = (
            str(row[key]) for key in ("id", "bias_type", "target", "context")
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{place}: this is no row of StereoSet ({type(error).__name__}: {error}); use another "
            "revision"
        ) from None
    # A label that is missing leaves an empty text, for which the row is refused with its reason.
    filled = {label: texts.get(label, "") for label in LABELS}
    return RawTriplet(place, name, domain, target, context, kind, filled)


def _sentences(value: Any) -> Iterable[tuple[Any, Any]]:
    """Sentence and gold label; older releases of `datasets` give lists, newer ones dicts."""
    if isinstance(value, Mapping):
        return zip(value["sentence"], value["gold_label"], strict=True)
    return [(one["sentence"], one["gold_label"]) for one in value]


def _commit(found: Any, revision: str) -> str | None:
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    checksums = getattr(getattr(found, "info", None), "download_checksums", None) or {}
    for address in checksums:
        match = re.search(r"@([0-9a-f]{40})/", str(address))
        if match:
            return match.group(1)
    return None
