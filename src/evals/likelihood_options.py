"""Checks of the options that choose who reads the texts: a checkpoint here, or a served model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pluralens._option_values import one_path, whole
from pluralens.errors import InputError
from pluralens.evals.active_model import active_model, on_command_line
from pluralens.solvers.likelihoods import TextReader
from pluralens.solvers.local_likelihoods import LocalReader
from pluralens.solvers.planted_checkpoint import planted_truth
from pluralens.solvers.served_likelihoods import ServedReader, require_prompt_logprobs
from pluralens.solvers.shared_checkpoint import base_folder, shared_checkpoint
from pluralens.solvers.text_groups import TextGroup

__all__ = ["NOT_OPTIONS", "ReadingBy", "data_place"]

NOT_OPTIONS = {
    "batch": "tokens computed at once are -T rows=",
    "model": "a model in this process is -T checkpoint=, a served one is --model",
    "limit": "a part of the samples is --limit",
}
# What a folder says of itself if a known bias was put into its weights.
POLICIES = ("auto", "always", "never")


@dataclass(frozen=True)
class ReadingBy:
    """Who reads, checked.

    Attributes:
        checkpoint: Hub id or folder; None for the model of the run.
        revision: Of the checkpoint.
        device: Of the checkpoint.
        dtype: Of the checkpoint.
        bos: What stands before every text, see the tasks.
        threads: CPU threads.
        rows: Tokens computed at once.
    """

    checkpoint: str | None
    revision: str | None
    device: str
    dtype: str
    bos: str
    threads: int | None
    rows: int | Literal["auto"]

    @classmethod
    def checked(cls, **options: Any) -> "ReadingBy":
        """Check the options of a task; what only a checkpoint has is refused without one.

        Raises:
            InputError: An option is wrong, or there is neither a checkpoint nor a model that can
                tell the probabilities of a given text.
        """
        name = options["checkpoint"]
        if name is not None:
            name = one_path("checkpoint", name, "a hub id such as gpt2, or a folder")
        if options["revision"] is not None:
            one_path("revision", options["revision"], "a branch, tag or commit of the hub")
        for option in ("device", "dtype", "bos"):
            if not isinstance(options[option], str) or not options[option].strip():
                raise InputError(f"{option}={options[option]!r} must be one word")
        if options["threads"] is not None:
            whole("threads", options["threads"], 1)
        if options["rows"] != "auto":
            whole("rows", options["rows"], 1)
        found = cls(**{**options, "checkpoint": name})
        if name is None:
            found._check_served()
        elif found.bos not in POLICIES:
            raise InputError(
                f"bos={found.bos!r}: a checkpoint knows its token; choose one of "
                f"{', '.join(POLICIES)}"
            )
        return found

    def _check_served(self) -> None:
        # A task that is made in Python may not know its model yet; the first sample checks it.
        if on_command_line():
            require_prompt_logprobs(active_model())
        if self.bos == "always":
            raise InputError(
                "bos=always: only a checkpoint knows its token; name it for a served model, as in "
                "bos='<|endoftext|>'"
            )
        usual = {"revision": None, "device": "auto", "dtype": "float32", "threads": None}
        for option, default in {**usual, "rows": "auto"}.items():
            if getattr(self, option) != default:
                raise InputError(
                    f"{option}={getattr(self, option)!r} is about a checkpoint; add -T "
                    "checkpoint=..., or leave it out"
                )

    def reader(
        self, benchmark: str, groups: Mapping[str, TextGroup]
    ) -> tuple[TextReader, dict[str, Any]]:
        """Who reads these texts, and what the log says of it.

        Args:
            benchmark: Name of the task.
            groups: The texts of all samples.

        Raises:
            InputError: The checkpoint cannot be loaded.
        """
        if self.checkpoint is None:
            served = ServedReader(f"{benchmark} by the model of the run", groups, self.bos)
            return served, {"read": "served", "bos": self.bos}
        checkpoint = shared_checkpoint(
            self.checkpoint,
            revision=self.revision,
            device=self.device,
            dtype=self.dtype,
            bos=self.bos,
            threads=self.threads,
        )
        local = LocalReader(f"{benchmark} by {checkpoint.name}", checkpoint, groups, self.rows)
        planted = planted_truth(checkpoint.name)
        truth = {"planted": planted} if planted else {}
        return local, {"read": "checkpoint", **checkpoint.about, **truth}

    @property
    def model(self) -> str | None:
        """What the task is pinned to."""
        return None if self.checkpoint is None else "none"


def data_place(value: Any, known: tuple[str, ...], what: str) -> str:
    """A source of data: a known name, or a path that starts from where the run was started.

    Raises:
        InputError: It is no text.
    """
    text = one_path("data", value, f"{', '.join(known)} or {what}")
    return text if text in known else str(base_folder() / Path(text).expanduser())
