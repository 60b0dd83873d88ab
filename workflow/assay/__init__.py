"""Assay: machine-learned interatomic potentials, put to the test in the simulations people use them for."""

__version__ = "0.1.0"
