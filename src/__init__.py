"""pluralens: how language models treat people, measured as inspect-ai tasks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pluralens.evals.evaluate_model import async_evaluate_model, evaluate_model

__all__ = ["async_evaluate_model", "evaluate_model"]


def __getattr__(name: str) -> Any:
    # inspect imports this package at every start; what needs inspect is loaded when it is used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pluralens.evals import evaluate_model

    return getattr(evaluate_model, name)
