"""Reading a grader's sealed verdict: one strict JSON object, or the reason why there is none.

The reply of a grader that repeats what it judges holds untrusted text, which may imitate a verdict.
Therefore a verdict carries the nonce of its prompt as a seal, which that text cannot know (see
`sealing`), as the last key of the object. Last, because then a text copied unescaped into a reason
cannot end the object early with a verdict of its own; a second verdict in the same object is a
duplicate key. The delimited blocks themselves are cut out. Whatever leaves a doubt is no verdict
but a reason to ask again: a verdict that is missed costs one call, one that is guessed is an error
nobody sees.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple, get_args

from pluralens.scorers.json_replies import only_object, without_thinking
from pluralens.scorers.sealing import without_data

__all__ = [
    "NOT_SEALED",
    "GraderReply",
    "NotSealed",
    "SealedObject",
    "read_reply",
    "sealed_object",
]

NotSealed = Literal[
    "empty", "refused", "truncated", "no object", "several objects", "duplicate key", "missing key",
    "unknown key", "no seal",
]  # fmt: skip
NOT_SEALED: tuple[NotSealed, ...] = get_args(NotSealed)


class GraderReply(NamedTuple):
    """A reply without the data that it repeats, and without what the grader thought.

    Attributes:
        text: What is left.
        cut: Whether a token limit ended it.
        reason: Why it cannot hold a verdict, else None.
    """

    text: str
    cut: bool
    reason: NotSealed | None = None


class SealedObject(NamedTuple):
    """The verdict of a reply, seal included, or why there is none."""

    value: dict[str, Any] | None
    reason: NotSealed | None = None


def read_reply(
    text: str, stop_reason: str | None, nonce: str | None, kinds: Sequence[str]
) -> GraderReply:
    """What a grader said, as far as it is its own.

    Args:
        text: The reply, as the grader wrote it.
        stop_reason: inspect's stop reason; `content_filter` makes it a refusal.
        nonce: Of the grader's prompt; None for one that showed no untrusted text.
        kinds: The delimited texts that the prompt held.
    """
    if stop_reason == "content_filter":
        return GraderReply("", False, "refused")
    cut = stop_reason in ("max_tokens", "model_length")
    if nonce is not None:
        text = without_data(text, nonce, kinds)
    finished = True
    # In a reply that begins with the object, tags belong to its texts.
    if not text.lstrip().startswith("{"):
        text, finished = without_thinking(text)
    if not finished or not text.strip():
        return GraderReply("", cut, "truncated" if cut else "empty")
    return GraderReply(text, cut)


def sealed_object(
    reply: GraderReply,
    nonce: str | None,
    *,
    required: Collection[str],
    optional: Collection[str] = (),
) -> SealedObject:
    """The one object of a reply with these keys and, as its last, the seal.

    Args:
        reply: As `read_reply` gives it. One that was cut off counts only if its object is whole.
        nonce: Of the grader's prompt; None reads verdicts without a seal.
        required: The keys that it must have beside the seal.
        optional: The keys that it may have.
    """
    if reply.reason is not None:
        return SealedObject(None, reply.reason)
    found = only_object(reply.text)
    if found.value is None:
        return SealedObject(None, "truncated" if reply.cut else found.reason or "no object")
    sealed = ("seal",) if nonce is not None else ()
    if any(key not in (*required, *optional, *sealed) for key in found.value):
        return SealedObject(None, "unknown key")
    if nonce is not None and (list(found.value)[-1:] != ["seal"] or found.value["seal"] != nonce):
        return SealedObject(None, "no seal")
    if any(key not in found.value for key in required):
        return SealedObject(None, "missing key")
    return SealedObject(found.value)
