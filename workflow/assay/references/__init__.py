"""References: our own density-functional curves and force sets, and those of the phonon databases."""
