"""Gas dynamics: does the energy stay, do molecules stay, do they move right."""
