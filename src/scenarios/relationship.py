"""How two parties stand to each other, from what each thinks of the other."""

__all__ = ["VIEWS", "relationship"]

# What a party can think of the other.
VIEWS = ("good", "neutral", "poor")


def relationship(plus_view: str, minus_view: str, *, plus: str, minus: str) -> str:
    """Name the relationship.

    Args:
        plus_view: What the party at +1 thinks of the other, one of `VIEWS`.
        minus_view: What the party at -1 thinks of the other.
        plus: Id of the party at +1.
        minus: Id of the party at -1.

    Returns:
        `good` or `bad` when both agree, `one_sided_<party>` when one is positive and the other
        negative (named by who is positive), `neutral` when both are, and `leaning_good` or
        `leaning_bad` when one of them is neutral.

    Raises:
        ValueError: A view is none of `VIEWS`.
    """
    for view in (plus_view, minus_view):
        if view not in VIEWS:
            raise ValueError(f"{view!r} is no view; use one of {', '.join(VIEWS)}")
    views = {plus_view, minus_view}
    if views == {"good", "poor"}:
        return f"one_sided_{plus if plus_view == 'good' else minus}"
    if "good" in views:
        return "good" if len(views) == 1 else "leaning_good"
    if "poor" in views:
        return "bad" if len(views) == 1 else "leaning_bad"
    return "neutral"
