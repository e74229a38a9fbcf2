"""Results of long analyses, kept under the user's cache folder; what is damaged is computed again.

An entry is named by everything that its numbers depend on: parameters of the checkpoint, dtype,
device, tokens, options, the code of this room and the version of torch. It carries a checksum over
all of its content. Entries are written whole or not at all, so that processes can share the folder.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pluralens._whole_file import write_whole
from pluralens.errors import InputError

__all__ = ["ResultCache", "Status", "Stored", "cache_folder", "code_version", "packed", "unpacked"]

Status = Literal["off", "hit", "computed", "recomputed: the entry was damaged", "not kept"]

_MAGIC = b"pluralens results 1\n"
_ABOUT = "about.json"
_DIGEST = 32


@dataclass(frozen=True)
class Stored:
    """What an analysis has computed.

    Attributes:
        arrays: Numbers by name.
        about: What is known about them; JSON.
    """

    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]


def cache_folder() -> Path:
    """Where results are kept: `pluralens/interp` in the user's cache folder of this system."""
    from platformdirs import user_cache_path

    return user_cache_path("pluralens", appauthor=False) / "interp"


@cache
def code_version() -> str:
    """SHA-256 over the sources of this room and torch's version: other code, other numbers."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    try:
        digest.update(version("torch").encode())
    except PackageNotFoundError:
        digest.update(b"no torch")
    return digest.hexdigest()


class ResultCache:
    """Looks results up before they are computed.

    Args:
        folder: Where entries are; None computes everything and keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def fetch(self, key: Mapping[str, Any], compute: Callable[[], Stored]) -> tuple[Stored, Status]:
        """The entry, or what `compute` returns, which is then kept.

        Args:
            key: Everything the numbers depend on, the code apart; JSON.
            compute: Makes the result.

        Returns:
            The result, and where it came from. A folder that cannot be written costs no result: it
            is `not kept`.
        """
        if self.folder is None:
            return compute(), "off"
        whole = {**key, "code": code_version()}
        path = self.folder / f"{_hash(whole)}.npz"
        try:
            kept = path.read_bytes()
        except OSError:
            kept = None
        if kept is not None:
            found = _read(kept, whole)
            if found is not None:
                return found, "hit"
        made = compute()
        content = packed(made.arrays, {"key": whole, "about": made.about})
        try:
            write_whole(path, _MAGIC + hashlib.sha256(content).digest() + content, "")
        except InputError:
            return made, "not kept"
        return made, "computed" if kept is None else "recomputed: the entry was damaged"


def packed(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> bytes:
    """An `.npz` file in memory, the same bytes for the same content.

    Args:
        arrays: Numbers or text by name; no objects.
        about: JSON, kept as the array `about.json` of bytes.
    """
    text = json.dumps(about, sort_keys=True, ensure_ascii=False).encode()
    buffer = io.BytesIO()
    everything = {**arrays, _ABOUT: np.frombuffer(text, dtype=np.uint8)}
    np.savez_compressed(buffer, allow_pickle=False, **everything)
    return buffer.getvalue()


def unpacked(content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What `packed` has packed.

    Raises:
        ValueError: It is something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ValueError(str(error)) from None
    if _ABOUT not in arrays:
        raise ValueError(f"no {_ABOUT}")
    return arrays, json.loads(arrays.pop(_ABOUT).tobytes())


def _hash(key: Mapping[str, Any]) -> str:
    text = json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(kept: bytes, key: Mapping[str, Any]) -> Stored | None:
    """The entry; None if it is damaged or not what its name says."""
    start = len(_MAGIC) + _DIGEST
    content = kept[start:]
    if not kept.startswith(_MAGIC):
        return None
    if hashlib.sha256(content).digest() != kept[len(_MAGIC) : start]:
        return None
    try:
        arrays, about = unpacked(content)
    except ValueError:
        return None
    if _hash(about.get("key", {})) != _hash(key):
        return None
    return Stored(arrays=arrays, about=about["about"])
