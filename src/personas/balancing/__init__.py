"""Balanced sets: even on chosen axes, and no axis tells anything about another.

Two ways to one goal: `balanced_generate` draws every stratum from the population itself, so rare
combinations exist; `balanced_select` chooses among the personas of a pool. Both decide first how
many personas each cell (combination of groups) gets, marginals before associations, and report
what came out.
"""

from pluralens.personas.balancing.generate import balanced_generate
from pluralens.personas.balancing.report import BalanceReport
from pluralens.personas.balancing.select import balanced_select

__all__ = ["BalanceReport", "balanced_generate", "balanced_select"]
