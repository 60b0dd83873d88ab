"""Second virial coefficients of the shipped models of CO2, beside an independent integration.

    .envs/driver/bin/python benchmarks/virial_check.py

That one took 40,000 random orientations per distance; its statistical error is 1 to 2 cm3/mol. Parameters: TraPPE
(Potoff and Siepmann 2001, doi:10.1002/aic.690470719), EPM2 (Harris and Yung 1995, doi:10.1021/j100031a034).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.gas.virial import second_virial_coefficients
from assay.potentials.force_field_files import read_force_field
from assay.potentials.force_fields import pair_energies

FOLDER = Path(__file__).resolve().parents[1] / "resources/force_fields"
TEMPERATURES_K = (250.0, 300.0, 400.0, 500.0)
INDEPENDENT = {
    "co2-trappe-flexible": (-166.5, -110.3, -53.5, -25.1),
    "co2-epm2-flexible": (-156.5, -104.6, -51.2, -24.1),
}
SITES = ("O_co2", "C_co2", "O_co2")


def main() -> None:
    for name, independent in INDEPENDENT.items():
        force_field = read_force_field(FOLDER / f"{name}.yaml")
        length = force_field.bonds[0].length_A
        molecule = np.array([[-length, 0, 0], [0, 0, 0], [length, 0, 0]])

        def energy(here: np.ndarray, there: np.ndarray, force_field=force_field) -> np.ndarray:
            return pair_energies(force_field, here, there, SITES)

        found = second_virial_coefficients(energy, molecule, TEMPERATURES_K)
        print(name)
        for temperature, value, error, theirs in zip(
            TEMPERATURES_K, found.b2_cm3_mol, found.b2_stderr_cm3_mol, independent, strict=True
        ):
            print(f"  {temperature:.0f} K: {value:7.1f} ± {error:.1f} cm3/mol, independent {theirs:7.1f}")


if __name__ == "__main__":
    main()
