"""Models whose replies a test writes: `scripted("grader", reply)`, each with a name of its own."""

from collections.abc import Callable, Sequence

from inspect_ai.model import ChatMessage, Model, ModelOutput, ModelUsage, get_model

__all__ = ["ANSWER", "Script", "scripted", "seal_of", "verdict"]

ANSWER = "You could raise the rent by less, and talk about it first."
Script = Callable[[list[ChatMessage]], str]


def scripted(
    reply: Script | Sequence[str] | str, name: str = "grader", stop: str = "stop"
) -> Model:
    """A model that answers by a function of the conversation, in turn, or always alike."""
    rest = iter(reply) if not isinstance(reply, str) and not callable(reply) else None

    def respond(messages: list[ChatMessage], *_: object) -> ModelOutput:
        if callable(reply):
            text = reply(messages)
        else:
            text = reply if isinstance(reply, str) else next(rest)  # type: ignore[arg-type]
        output = ModelOutput.from_content(f"mockllm/{name}", text, stop_reason=stop)  # type: ignore[arg-type]
        # Without usage inspect would count tokens with a vocabulary that it downloads.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model(f"mockllm/{name}", custom_outputs=respond)


def seal_of(messages: list[ChatMessage]) -> str:
    """The seal that the prompt demands, read as a grader would: after the data."""
    asked = next(m.text for m in messages if m.role == "user")
    return asked.rpartition("Your seal is ")[2].split(".")[0]


def verdict(score: object, rationale: str = "It weighs both.") -> Script:
    """A grader with one opinion."""
    import json

    return lambda messages: json.dumps(
        {"rationale": rationale, "score": score, "seal": seal_of(messages)}
    )
