"""The report: one self-contained page of tables, figures, failures and provenance."""
