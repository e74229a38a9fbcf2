"""What stands in for activations where prompts have no twin: nothing, or their mean over prompts.

The same definitions as in `pluralens.interp.replacement`, for any `Run` and with the residual
stream beside z and the MLP's output: the mean is over all tokens of all prompts, every prompt's
counting once, and the first position has a mean of its own. Targets' positions get that of the
later ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from pluralens.interp.interventions import SITES, Donor, Run, Site

__all__ = ["MeanStandIns", "mean_stand_ins", "zero_stand_ins"]


@dataclass(frozen=True)
class MeanStandIns:
    """Mean activations.

    Attributes:
        values: Per site and layer, `[2, ...]`: of first positions, of later ones.
        counts: Tokens behind the two.
    """

    values: dict[tuple[Site, int], Tensor]
    counts: tuple[int, int]

    def donor(self, run: Run) -> Donor:
        """The means laid out over the cells of a run."""
        # One entry more for cells of no item.
        first = run.offset.new_tensor([*(1 - len(cells) for cells in run.prompts), 0])
        which = (run.offset != first[run.owner]).long()
        return lambda site, layer: self.values[site, layer][which]


def mean_stand_ins(runs: Iterable[Run]) -> MeanStandIns:
    """Average over all prompts of all runs.

    Args:
        runs: Gone through once, one at a time.

    Returns:
        The means, in the activations' own dtype.
    """
    sums: dict[tuple[Site, int], Tensor] = {}
    counts, dtype = torch.zeros(2), torch.float32
    for run in runs:
        taken = run.take()
        dtype = taken.z[0].dtype
        first = torch.tensor([cells[0] for cells in run.prompts])
        later = torch.tensor(
            [cell for cells in run.prompts for cell in cells[1:]], dtype=torch.long
        )
        counts += torch.tensor([len(first), len(later)])
        for layer in range(run.layers):
            for site in SITES:
                x = taken.at(site, layer)
                # Apple's GPUs know no float64.
                wide = x.to(torch.float32 if x.device.type == "mps" else torch.float64)
                both = torch.stack([wide[first].sum(0), wide[later].sum(0)])
                sums[site, layer] = sums[site, layer] + both if (site, layer) in sums else both
    if not counts[1]:
        # Prompts of one token: targets' positions have nothing of their own to take from.
        sums = {key: both[:1].expand_as(both) for key, both in sums.items()}
        counts[1] = counts[0]
    values = {
        key: (both / counts.to(both).view(2, *[1] * (both.ndim - 1))).to(dtype)
        for key, both in sums.items()
    }
    return MeanStandIns(values, (int(counts[0]), int(counts[1])))


def zero_stand_ins(run: Run) -> Donor:
    """Nothing.

    Args:
        run: Of which the shapes are taken.
    """
    taken = run.take()
    return lambda site, layer: torch.zeros_like(taken.at(site, layer)[:1])
