"""The chapter on pairs of atoms: what is run (`protocol`), what is derived (`metrics`, `wells`, `smoothness`)."""
