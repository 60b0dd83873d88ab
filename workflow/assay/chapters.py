"""A chapter of a campaign as the job graph sees it: its cases, its settings, the files that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from assay.failures import UserError
from assay.validation import origin

Models = Mapping[str, Mapping[str, Any]]
"""Names of potentials, each with settings that replace a chapter's for it alone."""

Files = Sequence[Path | str]
"""The files that a configuration was merged from, for messages."""


@dataclass(frozen=True)
class Chapter:
    """One chapter; a subclass for each says what it consists of.

    Attributes
    ----------
    config : mapping
        Its block of the configuration, defaults filled in.
    models : mapping of str to mapping
        The potentials that it is about, with settings of their own.
    """

    config: Mapping[str, Any]
    models: Models

    name: ClassVar[str]
    run_keys: ClassVar[tuple[str, ...]]
    """What decides what a model calculates."""
    score_keys: ClassVar[tuple[str, ...]]
    """What decides how scores are computed and shown."""
    table_names: ClassVar[tuple[str, ...]]
    figure_names: ClassVar[tuple[str, ...]]
    figure_folders: ClassVar[tuple[str, ...]] = ()
    """Folders of figures of which nobody knows beforehand how many there are."""

    @property
    def cases(self) -> list[str]:
        """Names of what each potential is tried on."""
        raise NotImplementedError

    @property
    def batches(self) -> dict[str, list[str]]:
        """Cases of each job, by the job's number as text (``000``, ``001``, ...)."""
        cases, size = self.cases, self.config["batch_size"]
        return {f"{start // size:03d}": cases[start : start + size] for start in range(0, len(cases), size)}

    @property
    def run_settings(self) -> dict[str, Any]:
        """What of the configuration the calculations depend on."""
        return {key: self.config[key] for key in self.run_keys}

    @property
    def settings_by_model(self) -> dict[str, dict[str, Any]]:
        """What of it is different for single potentials."""
        chosen = {
            model: {key: value for key, value in own.items() if key in self.run_keys}
            for model, own in self.models.items()
        }
        return {model: own for model, own in chosen.items() if own}

    @property
    def score_settings(self) -> dict[str, Any]:
        """What of the configuration the tables depend on."""
        return {key: self.config[key] for key in self.score_keys}

    def inputs(self) -> list[str]:
        """Indexes of prepared cases."""
        return [f"results/inputs/{self.name}/batch-{batch}.json" for batch in self.batches]

    def records(self, models: Iterable[str] | None = None) -> list[str]:
        """Records of the jobs of the models (all of the chapter unless given)."""
        chosen = None if models is None else set(models)
        return [
            f"results/models/{model}/{self.name}/batch-{batch}.json"
            for model in self.models
            if chosen is None or model in chosen
            for batch in self.batches
        ]

    def tables(self) -> list[str]:
        """Tables, if the campaign has this chapter."""
        return [f"results/tables/{name}.csv" for name in self.table_names if self.batches]

    def summary_tables(self) -> list[str]:
        """Those of the tables that have one row per model."""
        return [path for path in self.tables() if path.endswith("_summary.csv")]

    def figures(self) -> list[str]:
        """Figures, if the campaign has this chapter."""
        if not self.batches:
            return []
        files = [f"results/figures/{self.name}/{name}.{kind}" for name in self.figure_names for kind in ("png", "svg")]
        return [*files, *(f"results/figures/{self.name}/{folder}" for folder in self.figure_folders)]


class ChapterOf(Protocol):
    """What each chapter's plan has: the function that makes the chapter of a configuration."""

    def __call__(self, config: Mapping[str, Any], models: Models, files: Files) -> Chapter:
        """The chapter of a configuration; without batches where that leaves the chapter out.

        Parameters
        ----------
        config : mapping
            The whole configuration with its defaults.
        models : mapping of str to mapping
            The potentials that are put through this chapter, with settings of their own.
        files : sequence of path

        Raises
        ------
        UserError
            One sentence with the file, the key and the remedy.
        """


def named(
    chapter: str, key: str, entries: Sequence[Mapping[str, Any]], paths: Sequence[str], files: Files
) -> dict[str, dict[str, Any]]:
    """Entries of a list by their ``name``, checked.

    Parameters
    ----------
    chapter, key : str
        The block of the configuration, and its key that holds the list.
    entries : sequence of mapping
        Each with a ``name``; those of its values that `paths` names are files, where they are given.
    files : sequence of path

    Raises
    ------
    UserError
        If a name is there twice or a file does not exist.
    """
    source = origin(files, [chapter, key])
    by_name: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry["name"]
        if name in by_name:
            raise UserError(f"{source}: {chapter}.{key}: {name} is there twice; rename or remove one.")
        for path in (entry.get(key) for key in paths):
            if path and not Path(path).is_file():
                raise UserError(f"{source}: {chapter}.{key}: {name}: there is no file {path}; correct the path.")
        by_name[name] = {key: value for key, value in entry.items() if key != "name"}
    return by_name
