"""Synthetic data of adjustable difficulty, and potentials that are trained on it."""
