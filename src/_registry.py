"""The one list of what inspect can see; importing it registers everything.

inspect imports this module at every `inspect eval`, so nothing here may import pandas, scipy,
matplotlib, torch or the like at module level.
"""

from pluralens.evals.likert import likert
from pluralens.models.simulated import pluralens_sim
from pluralens.scorers.metrics.likert import (
    likert_contrasts,
    likert_counterfactuals,
    likert_coverage,
    likert_means,
    likert_order,
)
from pluralens.scorers.rating import rating
from pluralens.solvers.likert import likert as likert_solver

__all__ = [
    "likert",
    "likert_contrasts",
    "likert_counterfactuals",
    "likert_coverage",
    "likert_means",
    "likert_order",
    "likert_solver",
    "pluralens_sim",
    "rating",
]
