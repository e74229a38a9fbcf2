"""What Hugging Face raises while it loads a checkpoint, as one line that says what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pluralens.errors import InputError

__all__ = ["Parts", "load_parts", "use_folder_or_hub"]


@dataclass(frozen=True)
class Parts:
    """What a checkpoint consists of.

    Attributes:
        config: Its configuration.
        tokenizer: Its tokenizer.
        model: The model with its weights, on its device.
    """

    config: Any
    tokenizer: Any
    model: Any


def use_folder_or_hub(name: str, revision: str | None) -> str:
    """Decide whether a name is a folder or a hub id.

    Args:
        name: As the person gave it.
        revision: As the person gave it.

    Returns:
        The folder, or the name unchanged.

    Raises:
        InputError: The name is a path to nothing, to a file or to a folder without a checkpoint,
            or it can be neither a path nor a hub id, or a revision was given for a folder.
    """
    if not name.strip():
        raise InputError("checkpoint: no name; give a hub id such as gpt2, or a folder")
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InputError(
                f"{name}: no checkpoint there (no config.json); "
                "give a folder that save_pretrained wrote"
            )
        if revision is not None:
            raise InputError(f"{name}: a folder has no revision {revision!r}; leave revision out")
        return str(path)
    if path.exists():
        raise InputError(f"{name}: a file; give the folder that holds config.json and the weights")
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise InputError(f"{name}: no such folder; give an existing one or a hub id such as gpt2")
    return name


def load_parts(source: str, revision: str | None, dtype: Any, device: str) -> Parts:
    """Load configuration, tokenizer and weights, in this order: the cheap things fail first.

    Args:
        source: Folder or hub id.
        revision: Branch, tag or commit on the hub.
        dtype: Torch dtype of the parameters.
        device: Torch device.

    Returns:
        The parts.

    Raises:
        InputError: See `pluralens.interp.checkpoint.load_checkpoint`.
    """
    from transformers import AutoConfig

    with _quietly(bars=not Path(source).is_dir()):
        try:
            config = AutoConfig.from_pretrained(source, revision=revision)
        except (OSError, ValueError) as error:
            raise _fault(source, revision, error, "configuration") from None
        _check_causal(source, config)
        tokenizer = _load_tokenizer(source, revision)
        model = _load_model(source, revision, dtype, device)
    known = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > known:
        raise InputError(
            f"{source}: {len(tokenizer)} tokens in the tokenizer, but embeddings for {known}; "
            "use the tokenizer of this model"
        )
    return Parts(config=config, tokenizer=tokenizer, model=model)


@contextmanager
def _quietly(*, bars: bool) -> Iterator[None]:
    """Without the libraries' warnings and tables: what matters of them is raised.

    Args:
        bars: Whether to show progress bars, as for downloads.
    """
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    levels, bar = (logging.get_verbosity(), hub.get_verbosity()), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub.set_verbosity_error()
    if not bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(levels[0])
        hub.set_verbosity(levels[1])
        if bar:
            logging.enable_progress_bar()


def _load_tokenizer(source: str, revision: str | None) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    except (OSError, ValueError, ImportError, LookupError, TypeError, AttributeError) as error:
        raise _fault(source, revision, error, "tokenizer") from None
    except Exception as error:
        # The tokenizers library raises the bare class for files it cannot read.
        if type(error) is not Exception:
            raise
        raise _fault(source, revision, error, "tokenizer") from None
    # Where the files are missing, some classes come up with an empty vocabulary.
    text = "The nurse said that he"
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    if not set(tokens) - set(tokenizer.all_special_ids):
        raise InputError(f"{source}: no usable tokenizer (it knows no words); save it there too")
    return tokenizer


def _check_causal(source: str, config: Any) -> None:
    """Refuse what reads in both directions: `AutoModelForCausalLM` takes BERT without a word."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED,
    )

    kind = config.model_type
    both = kind in CAUSAL and kind in MASKED and not getattr(config, "is_decoder", False)
    if kind not in CAUSAL or both or getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"{source}: {kind} is no causal language model; "
            "give one that predicts the next token, such as gpt2"
        )


def _load_model(source: str, revision: str | None, dtype: Any, device: str) -> Any:
    import pickle

    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            source,
            revision=revision,
            dtype=dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are named below
        )
        # Left to itself, transformers fills what the file lacks with random numbers.
        missing = sorted(info["missing_keys"])
        wrong = sorted(str(key[0]) for key in info["mismatched_keys"])
        if missing or wrong:
            raise InputError(
                f"{source}: damaged weights: {len(missing) + len(wrong)} parameters missing or of "
                f"another shape, such as {(missing + wrong)[0]}; get the checkpoint again"
            )
        return model.to(device)
    except torch.OutOfMemoryError:
        raise InputError(
            f"{source}: does not fit into the memory of {device}; give device=cpu or a smaller one"
        ) from None
    except MemoryError:
        raise InputError(f"{source}: does not fit into memory; give a smaller checkpoint") from None
    except (SafetensorError, pickle.UnpicklingError, EOFError, LookupError) as error:
        raise _damaged(source, error) from None
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise InputError(
                f"{source}: does not fit into memory; give a smaller checkpoint"
            ) from None
        raise _damaged(source, error) from None
    except (OSError, ValueError) as error:
        raise _fault(source, revision, error, "weights") from None


def _damaged(source: str, error: Exception) -> InputError:
    return InputError(f"{source}: damaged weights ({_line(error)}); get the checkpoint again")


def _fault(source: str, revision: str | None, error: Exception, what: str) -> InputError:
    """Name the cause of an error that Hugging Face has wrapped, often more than once."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, InputError):
        return error
    if Path(source).is_dir():
        return InputError(f"{source}: no usable {what} ({_line(error)}); save the checkpoint again")
    causes = _causes(error)

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # Gated is a kind of not found, and must be asked first.
    if any_is(GatedRepoError):
        return InputError(f"{source}: gated on the hub; accept its terms there and set HF_TOKEN")
    if any_is(RevisionNotFoundError):
        return InputError(f"{source}: no revision {revision!r} on the hub; give one it has")
    if any_is(RepositoryNotFoundError, HFValidationError):
        return InputError(
            f"{source}: no such checkpoint on the hub, nor a folder of that name; check the name "
            "(private ones need HF_TOKEN)"
        )
    if any_is(OfflineModeIsEnabled) or _offline():
        return InputError(
            f"{source}: not in the local cache, and HF_HUB_OFFLINE forbids to fetch it; "
            "unset that or give a folder"
        )
    if any_is(LocalEntryNotFoundError, ConnectionError, TimeoutError):
        return InputError(
            f"{source}: not in the local cache, and the hub cannot be reached; "
            "check the network or give a folder"
        )
    return InputError(f"{source}: no usable {what} ({_line(error)}); give another checkpoint")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and everything that it was raised from or while handling."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _offline() -> bool:
    asked = {os.environ.get(key, "").upper() for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    return bool(asked & {"1", "ON", "YES", "TRUE"})


def _line(error: Exception) -> str:
    """First line of a message, without the names of Python's own places."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."
