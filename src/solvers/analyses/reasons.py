"""Why items take no part, counted."""

import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["counted"]

LENGTHS = "another number of tokens than its twin"


def counted(reasons: Mapping[str, str]) -> dict[str, int]:
    """Reason -> how many, from id -> reason; twins of other lengths are one reason."""
    alike = (re.sub(r"\d+ tokens, its twin \d+", LENGTHS, one) for one in reasons.values())
    return dict(sorted(Counter(alike).items()))
