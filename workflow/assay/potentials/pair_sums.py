"""Sums of pair interactions over rows of squared distances, by torch: fast for some thousand pairs at a time.

All kinds of pairs go through one expression, ``A exp(-B r) - C6/r^6 + C12/r^12`` with the wall of
`assay.potentials.force_field_pairs.Buckingham` inside its maximum: Lennard-Jones has no A, Buckingham no C12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from assay.potentials.force_field_pairs import WALL_EV, Buckingham, Pair


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Blocks are too small for threads: two gain a fifth on an idle machine, and cost a multiple on a busy one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class PairSums:
    """Parameters of the pairs in the columns of an array of squared distances.

    Attributes
    ----------
    c12, c6, A_eV, B_1_A, core_A, offset_eV : torch.Tensor, shape (columns,)
        `core_A` is zero but for Buckingham, `offset_eV` is the energy at the cut-off if it is shifted to zero there.
    cutoff_A : float
    kinds : frozenset of type
        `LennardJones`, `Buckingham` or both.
    """

    c12: torch.Tensor
    c6: torch.Tensor
    A_eV: torch.Tensor
    B_1_A: torch.Tensor
    core_A: torch.Tensor
    offset_eV: torch.Tensor
    cutoff_A: float
    kinds: frozenset[type]

    @classmethod
    def of(cls, pairs: Sequence[Pair], cutoff_A: float, shifted: bool) -> PairSums:
        """Of as many columns as there are pairs."""
        rows = []
        for pair in pairs:
            offset = float(pair.energies(np.array(cutoff_A))) if shifted else 0.0
            if isinstance(pair, Buckingham):
                rows.append((0.0, pair.C_eV_A6, pair.A_eV, pair.B_1_A, pair.core_A, offset))
            else:
                rows.append((pair.c12_eV_A12, pair.c6_eV_A6, 0.0, 0.0, 0.0, offset))
        columns = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6).T.contiguous()
        return cls(*columns, cutoff_A=cutoff_A, kinds=frozenset(type(pair) for pair in pairs))

    def energies(self, squared_A2: torch.Tensor, least_A2: float) -> torch.Tensor:
        """Sums of the energies (eV) of each row.

        Parameters
        ----------
        squared_A2 : torch.Tensor, shape (rows, columns)
            Neither zero nor so large that an exponential underflows, which is slow.
        least_A2 : float
            None is below it.

        Returns
        -------
        torch.Tensor, shape (rows,)
        """
        exponential = Buckingham in self.kinds
        within_a_wall = exponential and least_A2 < float(self.core_A.max()) ** 2
        outside = torch.maximum(squared_A2, self.core_A**2) if within_a_wall else squared_A2
        # masks as numbers: torch's own booleans are several times as slow here
        inside = squared_A2.clone().lt_(self.cutoff_A**2)
        inverse = outside.reciprocal()
        inverse6 = (inverse * inverse).mul_(inverse).mul_(inside)
        energies = inside @ -self.offset_eV
        energies -= inverse6 @ self.c6
        if exponential:
            energies += outside.sqrt().mul_(-self.B_1_A).exp_().mul_(inside) @ self.A_eV
        if within_a_wall:
            energies += WALL_EV * (self.core_A * squared_A2.rsqrt() - 1).clamp_(min=0).square_().mul_(inside).sum(dim=1)
        if self.kinds != {Buckingham}:
            energies += inverse6.square_() @ self.c12
        return energies
