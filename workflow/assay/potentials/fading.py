"""A potential that fades out between atoms that nearly touch: it is evaluated where they are not as near.

Between its radii (see `assay.potentials.close_pairs`) a pair at the distance r is shown to the potential at

    f(r) = r + 2 g(r),   g(r) = 1/2 * integral of S(t) dt from r to the outer radius,

with the switch S of `assay.potentials.zbl`. So f(r) = r from the outer radius on, f' = 1 - S, and f stays at a floor,
the mean of the two radii, up to the inner radius. Each atom moves by g away from every atom that is close to it:

    R'_i = R_i + sum_j g(r_ij) (R_i - R_j) / r_ij

and the potential's share of the energy is E(R'(R)). Of a pair alone it has the force (1 - S(r)) F(f(r)): as the
repulsion fades in with S, the potential fades out, and it never sees the two nearer than the floor.

Forces and stress are exact derivatives of E(R'(R)). The floor holds for a pair by itself. Displacements of pairs that
share atoms add up, and take no notice of a third atom behind: an atom halfway between two others does not move at all,
nor do those of a compressed crystal that are centres of inversion, and there the potential acts as well as the wall.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from assay.potentials.base import Result
from assay.potentials.close_pairs import Batch, ClosePairs
from assay.potentials.zbl import switch, switch_integral


def shifts(distances_A: np.ndarray, inner_A: np.ndarray, outer_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each atom of a pair moves outwards, g (Å), and dg/dr."""
    shares, _ = switch(distances_A, inner_A, outer_A)
    return switch_integral(distances_A, inner_A, outer_A) / 2, -shares / 2


def spread(atoms: Atoms, pairs: ClosePairs) -> Atoms:
    """A copy of the structure at R', in the same cell.

    Two atoms in the same place have no direction to move in, and stay.
    """
    batch = Batch.of([pairs])
    outwards, _ = shifts(batch.distances_A, batch.inner_A, batch.outer_A)
    (displacements,) = batch.per_atom(-outwards[:, None] * batch.directions)
    moved = atoms.copy()
    moved.positions += displacements
    return moved


def pulled_back(results: Sequence[Result], batch: Batch, wanted: frozenset[str]) -> list[Result]:
    """From energies, forces and stresses at R' to those of E(R'(R)) at R.

    Parameters
    ----------
    results : sequence of Result
        At R', with forces wherever forces or a stress are wanted.
    batch : Batch
        The close pairs of the same structures at R.
    wanted : frozenset of str
        Of ``energy``, ``forces``, ``stress``. The energy is always given.

    Returns
    -------
    list of Result
        None for what the potential does not give; no stress either where it gives no forces.

    Notes
    -----
    For the pair from i to j with the unit vector u, with the difference of forces d = F'_i - F'_j and with
    D = (g/r) (1 - u uᵀ) + g' u uᵀ, the derivative of g u: the force on i gains D d, and the virial dE/dstrain gains
    (r g' - g) (d · u) u uᵀ. The second term is there because R' does not follow a strain of R as a lattice does.
    """
    energies = [Result(result.energy_eV) for result in results]
    if not wanted & {"forces", "stress"} or any(result.forces_eV_A is None for result in results):
        return energies
    outwards, slopes = shifts(batch.distances_A, batch.inner_A, batch.outer_A)
    forces = np.concatenate([result.forces_eV_A for result in results])
    differences = forces[batch.first] - forces[batch.second]
    along = np.einsum("ij,ij->i", differences, batch.directions)
    across = outwards / np.where(batch.distances_A > 0, batch.distances_A, 1.0)
    gains = across[:, None] * differences + ((slopes - across) * along)[:, None] * batch.directions
    stresses = batch.stresses((slopes - across) * along)
    return [
        Result(
            result.energy_eV,
            result.forces_eV_A + gain if "forces" in wanted else None,
            result.stress_eV_A3 + stress if "stress" in wanted and result.stress_eV_A3 is not None else None,
        )
        for result, gain, stress in zip(results, batch.per_atom(gains), stresses, strict=True)
    ]
