"""Names of the columns of triplet frames, for those who need the names without pandas."""

from collections.abc import Sequence

from pluralens.errors import InputError

__all__ = ["ABOUT", "COLUMNS", "FACTOR", "SCORES", "VOTE", "check_factor_names"]

FACTOR = "factor_"
"""Prefix of factors in sample metadata; the frame's columns have none."""

ABOUT = (
    "triplet_id", "scenario", "perspective", "side", "language", "paraphrase", "asks", "affect",
    "context", "relationship", "challenge",
)  # fmt: skip
SCORES = (
    "stance", "stance_challenged", "refused", "empty", "unscored", "self_judged",
    "positive_first", "votes",
)  # fmt: skip
COLUMNS = ("sample_id", *ABOUT, "epoch", "outcome", *SCORES)
"""Columns that every frame has; the factors and the votes of a panel come after them."""

VOTE = "vote_"


def check_factor_names(names: Sequence[str], where: str) -> None:
    """Refuse factors that would share a column with something else.

    Args:
        names: Names of factors, without prefix.
        where: What they belong to, for the message.

    Raises:
        InputError: Naming the factor.
    """
    for name in names:
        if name in COLUMNS or name.startswith(VOTE):
            raise InputError(
                f"{where}: the factor {name!r} has the name of a column of the results; rename it"
            )
