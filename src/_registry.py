"""The one list of what inspect can see; importing it registers everything.

inspect imports this module at every `inspect eval`, so nothing here may import pandas, scipy,
matplotlib, torch or the like at module level.
"""

from pluralens._start_folder import remember_start_folder as _remember_start_folder
from pluralens.evals.enrichment import persona_enrichment
from pluralens.evals.likert import likert
from pluralens.evals.mechanistic import (
    ablation,
    attribution,
    faithfulness,
    lens,
    patching,
    probe,
)
from pluralens.evals.persona import (
    persona_comparison,
    persona_intersections,
    persona_loo,
    persona_main,
    persona_pass_at_k,
)
from pluralens.evals.stereoset import stereoset
from pluralens.evals.triplets import triplets
from pluralens.evals.winogender import winogender
from pluralens.models.litellm import litellm
from pluralens.models.simulated import pluralens_sim
from pluralens.scorers.analysis import analysis
from pluralens.scorers.critique import critique
from pluralens.scorers.enrichment import enrichment
from pluralens.scorers.identification import identification
from pluralens.scorers.likelihood import pronoun_likelihood, triplet_likelihood
from pluralens.scorers.metrics.analysis import analysis_numbers
from pluralens.scorers.metrics.critique import (
    critique_accuracy,
    critique_cells,
    critique_importance,
    critique_pass_at_k,
    identification_rates,
)
from pluralens.scorers.metrics.enrichment import enrichment_coverage
from pluralens.scorers.metrics.likelihood import (
    likelihood_coverage,
    stereoset_macro,
    stereoset_micro,
    stereoset_sums,
    winogender_next_token,
    winogender_sentence,
)
from pluralens.scorers.metrics.likert import (
    likert_contrasts,
    likert_counterfactuals,
    likert_coverage,
    likert_means,
    likert_order,
)
from pluralens.scorers.metrics.stance import (
    stance_coverage,
    stance_gap,
    stance_means,
    stance_outcomes,
    stance_uplift,
)
from pluralens.scorers.rating import rating
from pluralens.scorers.stance import stance
from pluralens.solvers.analyse import analyse
from pluralens.solvers.conversation import conversation
from pluralens.solvers.enrich import enrich, name_from_lists
from pluralens.solvers.likelihoods import likelihoods
from pluralens.solvers.likert import likert as likert_solver
from pluralens.solvers.personalize import personalize

__all__ = [
    "ablation",
    "analyse",
    "analysis",
    "analysis_numbers",
    "attribution",
    "conversation",
    "critique",
    "critique_accuracy",
    "critique_cells",
    "critique_importance",
    "critique_pass_at_k",
    "enrich",
    "enrichment",
    "enrichment_coverage",
    "faithfulness",
    "identification",
    "identification_rates",
    "lens",
    "likelihood_coverage",
    "likelihoods",
    "likert",
    "likert_contrasts",
    "likert_counterfactuals",
    "likert_coverage",
    "likert_means",
    "likert_order",
    "likert_solver",
    "litellm",
    "name_from_lists",
    "patching",
    "persona_comparison",
    "persona_enrichment",
    "persona_intersections",
    "persona_loo",
    "persona_main",
    "persona_pass_at_k",
    "personalize",
    "pluralens_sim",
    "probe",
    "pronoun_likelihood",
    "rating",
    "stance",
    "stance_coverage",
    "stance_gap",
    "stance_means",
    "stance_outcomes",
    "stance_uplift",
    "stereoset",
    "stereoset_macro",
    "stereoset_micro",
    "stereoset_sums",
    "triplet_likelihood",
    "triplets",
    "winogender",
    "winogender_next_token",
    "winogender_sentence",
]

_remember_start_folder()
