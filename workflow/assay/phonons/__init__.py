"""The chapter on harmonic phonons: what is calculated (`protocol`), what is derived (`spectra`, `metrics`), figures."""
