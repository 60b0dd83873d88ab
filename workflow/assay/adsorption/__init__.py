"""Adsorption: isotherms of a guest in a framework by grand-canonical Monte Carlo."""
