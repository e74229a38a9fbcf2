"""Models for whole runs whose replies a test writes."""

from collections.abc import Callable, Sequence

from inspect_ai.model import ChatMessage, Model, ModelOutput, ModelUsage, get_model

__all__ = ["replies_in_turn", "seal_in"]


def seal_in(messages: Sequence[ChatMessage]) -> str:
    """The seal that a critic's prompt demands, "" for prompts without one."""
    asked = next(m.text for m in messages if m.role == "user")
    return asked.rpartition("Your seal is ")[2].split(".")[0] if "Your seal is " in asked else ""


def replies_in_turn(replies: Sequence[Callable[[str], str]], name: str = "critic") -> Model:
    """A model that writes the first reply, then the second when asked again, and so on.

    Args:
        replies: Seal -> text; the last one stands for all that follow.
        name: Of the model.
    """

    def respond(messages: list[ChatMessage], *_: object) -> ModelOutput:
        attempt = sum(message.role == "assistant" for message in messages)
        text = replies[min(attempt, len(replies) - 1)](seal_in(messages))
        output = ModelOutput.from_content(f"mockllm/{name}", text)
        # Without usage inspect would count tokens with a vocabulary that it downloads.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model(f"mockllm/{name}", custom_outputs=respond)
