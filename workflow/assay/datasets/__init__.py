"""What potentials were trained on: distances and forces in data sets of any size."""
