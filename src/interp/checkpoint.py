"""Checkpoints: any Hugging Face causal language model, with what makes its numbers repeatable.

The weights stay as they were published: no folding, no centring, no wrapper. Ablating a head is not
invariant under such processing (folded weights change an effect of 4e-3 by up to 1.2e-3), and a
wrapper would change a model that someone lent.

Importing this module needs no torch; loading does.
"""

import hashlib
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pluralens.errors import InputError
from pluralens.interp.loading import load_parts, use_folder_or_hub

__all__ = ["BOS_POLICIES", "DTYPES", "Checkpoint", "adopt", "architecture", "load_checkpoint"]

DTYPES = ("float32", "bfloat16")
"""float32 is what results are reported in; bfloat16 is for screening only."""

BOS_POLICIES = ("auto", "always", "never")

# One lock per model object, however many checkpoints were made of it.
_LOCKS: "WeakKeyDictionary[Any, threading.RLock]" = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A language model ready to be read, and what to record about it.

    Attributes:
        name: Hub id or folder, as given.
        revision: Commit on the hub; None for a folder.
        model: The Hugging Face model: eval mode, no gradients for parameters.
        tokenizer: Its tokenizer.
        digest: SHA-256 over names, shapes and values of all parameters, as loaded.
        device: Where the parameters are: `cpu`, `cuda:0` ...
        dtype: `float32` or `bfloat16`.
        bos: Token put in front of every text; None if none is.
        bos_policy: Why, in words, for the log.
        context: Most tokens that the model can read; None if it names no limit.
        lock: To be held while the model runs. Two threads that hook one model get wrong results
            without an exception. Re-entrant, so that one analysis can call another.
    """

    name: str
    revision: str | None
    model: Any
    tokenizer: Any
    digest: str
    device: str
    dtype: str
    bos: int | None
    bos_policy: str
    context: int | None
    lock: "threading.RLock"

    @property
    def about(self) -> dict[str, str | int | None]:
        """What belongs into the metadata of a result, flat."""
        return {
            "checkpoint": self.name,
            "revision": self.revision,
            "parameters_sha256": self.digest,
            "architecture": architecture(self),
            "device": self.device,
            "dtype": self.dtype,
            "bos": self.bos_policy,
            "weights": "raw, nothing folded",
        }


def load_checkpoint(
    name: str,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    bos: str = "auto",
    threads: int | None = None,
) -> Checkpoint:
    """Load a causal language model by hub id or from a local folder.

    Args:
        name: `gpt2`, `EleutherAI/gpt-neo-125M` ... or a folder with `config.json`.
        revision: Branch, tag or commit on the hub.
        device: `auto` (the first of cuda, mps, cpu), or a torch device such as `cpu`, `cuda:1`.
        dtype: `float32`, or `bfloat16` for screening.
        bos: Whether texts begin with the tokenizer's BOS token: `auto` (if it has one), `always`
            (an error if it has none), `never`.
        threads: CPU threads for the whole process; None leaves torch's choice.

    Returns:
        The checkpoint.

    Raises:
        InputError: An option is out of range, the extra is not installed, there is no such
            checkpoint or no way to get it, it is no causal language model, its files are damaged,
            or it does not fit into memory.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype: no {dtype!r}; give one of {', '.join(DTYPES)}")
    if bos not in BOS_POLICIES:
        raise InputError(f"bos: no {bos!r}; give one of {', '.join(BOS_POLICIES)}")
    if threads is not None and threads < 1:
        raise InputError(f"threads: {threads} is too few; give at least 1")
    _check_extra()
    import torch

    place = _device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    source = use_folder_or_hub(name, revision)
    parts = load_parts(source, revision, getattr(torch, dtype), place)
    commit = None if Path(source).is_dir() else getattr(parts.config, "_commit_hash", None)
    return _checkpoint(name, commit or revision, parts.model, parts.tokenizer, bos)


def adopt(
    model: Any, tokenizer: Any, *, name: str, revision: str | None = None, bos: str = "auto"
) -> Checkpoint:
    """Use a model that is loaded already, read-only.

    Args:
        model: A Hugging Face causal language model. It is put into eval mode and its parameters
            no longer ask for gradients; nothing else about it changes.
        tokenizer: Its tokenizer.
        name: What to call it in results.
        revision: Commit, if known.
        bos: As in `load_checkpoint`.

    Returns:
        A checkpoint that shares its lock with all others of the same model object.

    Raises:
        InputError: The model computes in a dtype other than float32 or bfloat16.
    """
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise InputError(f"{name}: loaded as {dtype}; load it as {' or '.join(DTYPES)}")
    return _checkpoint(name, revision, model, tokenizer, bos)


def architecture(checkpoint: Checkpoint) -> str:
    """Hugging Face's name of the architecture: `gpt2`, `gpt_neo`, `llama` ..."""
    return str(checkpoint.model.config.model_type)


def _checkpoint(
    name: str, revision: str | None, model: Any, tokenizer: Any, bos: str
) -> Checkpoint:
    model.eval().requires_grad_(False)
    token, policy = _bos(name, tokenizer, bos)
    parameter = next(model.parameters())
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(model, threading.RLock())
    return Checkpoint(
        name=name,
        revision=revision,
        model=model,
        tokenizer=tokenizer,
        digest=_digest(model),
        device=str(parameter.device),
        dtype=str(parameter.dtype).removeprefix("torch."),
        bos=token,
        bos_policy=policy,
        context=_context(model.config),
        lock=lock,
    )


def _check_extra() -> None:
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise InputError(
                f"{package}: not installed, and checkpoints cannot be read without it; "
                f'run pip install "pluralens[interp]"'
            )


def _device(asked: str) -> str:
    """Turn `auto` into the best device there is, and refuse one that there is not."""
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise InputError(f"device: no {asked!r}; give auto, cpu, cuda, cuda:1 or mps") from None
    if device.type == "cuda":
        there = torch.cuda.device_count()
        if not there:
            raise InputError("device: cuda, but torch sees no GPU here; give device=cpu")
        if device.index is not None and device.index >= there:
            raise InputError(f"device: {asked}, but there are {there} GPUs; give a lower number")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise InputError("device: mps, but torch finds none here; give device=cpu")
    elif device.type != "cpu":
        raise InputError(f"device: no {asked!r}; give auto, cpu, cuda, cuda:1 or mps")
    return asked


def _bos(name: str, tokenizer: Any, asked: str) -> tuple[int | None, str]:
    token = tokenizer.bos_token_id
    if asked == "never":
        return None, "none, as asked"
    if token is None:
        if asked == "always":
            raise InputError(f"{name}: its tokenizer has no BOS token; give bos=auto or bos=never")
        return None, "none: the tokenizer has no BOS token"
    return int(token), f"{tokenizer.bos_token} ({token}) in front of every text"


def _context(config: Any) -> int | None:
    for key in ("max_position_embeddings", "n_positions"):
        limit = getattr(config, key, None)
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def _digest(model: Any) -> str:
    import torch

    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}\n".encode())
        # Bytes without a copy where the parameter is on the CPU; numpy knows no bfloat16.
        values = parameter.detach().cpu().contiguous().view(torch.uint8).reshape(-1)
        digest.update(memoryview(values.numpy()))
    return digest.hexdigest()
