"""What really happened behind an exception of LiteLLM.

LiteLLM gives every failure the class of an HTTP error: a lost connection is its
`InternalServerError`, a reply that is no JSON its `APIConnectionError`, and so is a mistake in its
own code. What may be asked again is therefore read from the exceptions that caused it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from inspect_ai.model import RetryDecision, StopReason

__all__ = ["refusal_of", "retry_decision", "seconds_to_wait", "status_of"]

# What services call a prompt that they do not read, and inspect's word for it.
REFUSALS: dict[str, StopReason] = {
    "context_length_exceeded": "model_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "invalid_prompt": "content_filter",
}


def retry_decision(error: BaseException) -> RetryDecision:
    """Retry what another attempt may put right: limits, failures of the service, lost connections.

    A reply that cannot be read (cut off, no JSON) is no such thing: the service has answered and
    may have charged for it, and a reply that never can be read would be asked for without end. It
    is an error of the sample, which `inspect eval-retry` repeats.
    """
    status = status_of(error)
    if status == 429:
        return RetryDecision.rate_limit(retry_after=seconds_to_wait(error))
    if status is not None:
        if status == 408 or status >= 500:
            return RetryDecision.transient(retry_after=seconds_to_wait(error))
        return RetryDecision.no()
    return RetryDecision.transient() if _connection_lost(error) else RetryDecision.no()


def refusal_of(error: BaseException) -> StopReason | None:
    """Why the service did not read the prompt; None where that is not what went wrong."""
    import litellm

    if isinstance(error, litellm.ContextWindowExceededError):
        return "model_length"
    if isinstance(error, litellm.ContentPolicyViolationError):
        return "content_filter"
    codes = (getattr(cause, "code", None) for cause in _causes(error))
    return next(
        (REFUSALS[code] for code in codes if isinstance(code, str) and code in REFUSALS), None
    )


def status_of(error: BaseException) -> int | None:
    """Status of the service's reply; None where it gave none or one that is no error."""
    causes = list(_causes(error))
    # LiteLLM's own exceptions carry a status that it made up, unless they are all there is.
    outside = [cause for cause in causes if _module(cause) != "litellm"]
    if outside:
        found = [getattr(getattr(c, "response", None), "status_code", None) for c in outside]
    else:
        found = [getattr(causes[-1], "status_code", None)]
    return next((status for status in found if isinstance(status, int) and status >= 400), None)


def seconds_to_wait(error: BaseException) -> float | None:
    """What the service's `Retry-After` says, in seconds or as a date; None without one."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        value = headers.get("retry-after") if headers is not None else None
        if value is not None:
            return _seconds(str(value).strip())
    return None


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    return seconds if isfinite(seconds) and seconds > 0 else None


def _connection_lost(error: BaseException) -> bool:
    """Whether the reply never arrived, or not in time."""
    import aiohttp
    import httpx
    import litellm
    import openai

    lost = (
        aiohttp.ClientError,
        httpx.TransportError,
        openai.APIConnectionError,
        ConnectionError,
        TimeoutError,
    )
    return any(
        isinstance(cause, litellm.Timeout)
        or (isinstance(cause, lost) and _module(cause) != "litellm")
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and so on."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _module(error: BaseException) -> str:
    return type(error).__module__.split(".")[0]
