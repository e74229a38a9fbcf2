"""Our own list of occupations with the share of women in each."""

from functools import cache

from pluralens._resources import data_file
from pluralens._strict_csv import Row, read_rows

__all__ = ["builtin_shares", "mirrored", "share_in"]

COLUMNS = ("occupation", "share_women")


@cache
def builtin_shares() -> dict[str, float]:
    """Occupation -> women among those employed in it, percent (0-100)."""
    source = "datasets/sentences/occupations.en.csv"
    shares: dict[str, float] = {}
    for row in read_rows(data_file("sentences", "occupations.en.csv"), source, (COLUMNS,)):
        name = row.cells["occupation"]
        if name in shares:
            raise row.error("occupation", f"{name!r} stands twice", "keep one of them")
        shares[name] = _percent(row)
    return shares


def mirrored(shares: dict[str, float]) -> dict[str, str]:
    """The counterfactual of every occupation: the one as far from the other end of the order.

    Occupations are ordered by their share of women among those with as many words, so that the
    counterfactual sentence is as long in words; the k-th from below and the k-th from above are
    each other's.

    Args:
        shares: Occupation -> share of women.

    Returns:
        Occupation -> counterfactual; the one in the middle of an odd number has none.
    """
    twins: dict[str, str] = {}
    for words in {name.count(" ") for name in shares}:
        order = sorted((share, name) for name, share in shares.items() if name.count(" ") == words)
        for (_, one), (_, other) in zip(order, reversed(order), strict=True):
            if one != other:
                twins[one] = other
    return twins


def share_in(text: str) -> float | None:
    """Read a share in percent; None where it is none."""
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 100 else None


def _percent(row: Row) -> float:
    share = share_in(row.cells["share_women"])
    if share is None:
        text = row.cells["share_women"]
        raise row.error("share_women", f"{text!r} is no percentage", "write a number from 0 to 100")
    return share
