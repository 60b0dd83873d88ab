"""Names of what is timed that are not names of crystals."""

HELIUM = "helium"
BATCH = "batch"
