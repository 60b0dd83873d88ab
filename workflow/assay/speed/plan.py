"""The speed chapter in the job graph: ladders of sizes and of batches, one job per device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models
from assay.failures import UserError, near_misses
from assay.speed.names import BATCH, HELIUM
from assay.structures import load_crystals
from assay.validation import origin

AUTO = "auto"
"""For `devices`: the campaign's own choice for the model."""


@dataclass(frozen=True)
class SpeedChapter(Chapter):
    """Time and memory of a step against the number of atoms."""

    name: ClassVar[str] = "speed"
    run_keys: ClassVar[tuple[str, ...]] = ("protocol", "repeats", "warm_up")
    score_keys: ClassVar[tuple[str, ...]] = ("accuracy", "accuracy_case")
    table_names: ClassVar[tuple[str, ...]] = ("speed", "speed_summary")
    figure_names: ClassVar[tuple[str, ...]] = ("curves", "relative", "memory", "batches", "plane")

    @property
    def cases(self) -> list[str]:
        """Names of what each potential is tried on, on all devices."""
        return [case for batch in self.batches.values() for case in batch]

    @property
    def batches(self) -> dict[str, list[str]]:
        """Cases of each device's job, by the job's number as text."""
        if not self.config["systems"]:
            return {}
        return {f"{number:03d}": list(self._ladders(device)) for number, device in enumerate(self.config["devices"])}

    def plan(self, batch: str) -> dict[str, dict[str, Any]]:
        """Facts of the cases of one job by name, in the order in which they are done: small ones first, batches last.

        Facts are ``system``, ``size`` (atoms of one structure as wished for), ``structures`` (evaluated together),
        ``ladder`` (what is compared with what) and ``path`` (the name that is the same on all devices).
        """
        return self._ladders(self.config["devices"][int(batch)])

    def devices_of(self, batch: str, own: str) -> str:
        """The devices that a job may use, in order of preference; `own` are those of the model in this campaign."""
        device = self.config["devices"][int(batch)]
        return own if device == AUTO else device

    def gpus_of(self, batch: str, own: str) -> int:
        """How many GPUs a job asks the scheduler for."""
        return int(self.devices_of(batch, own).startswith("cuda"))

    def references(self) -> list[str]:
        """Records of DFT calculations of the same crystals, as far as they exist: what a step costs there."""
        crystals = [system for system in self.config["systems"] if system != HELIUM]
        paths = [Path(self.config["references"]) / crystal / "record.json" for crystal in crystals]
        return [str(path) for path in paths if path.exists()]

    def _ladders(self, device: str) -> dict[str, dict[str, Any]]:
        block = self.config
        facts = [
            {"system": system, "size": size, "structures": 1, "ladder": system, "path": f"{system}-{size}"}
            for system in block["systems"]
            for size in block["sizes"]
        ]
        facts += [
            {
                "system": block["batch_system"],
                "size": block["batch_cell_atoms"],
                "structures": count,
                "ladder": BATCH,
                "path": f"{BATCH}-{count}",
            }
            for count in block["batch_sizes"]
        ]
        facts.sort(key=lambda one: (one["ladder"] == BATCH, one["size"] * one["structures"]))
        suffix = "" if device == AUTO else f"-{device}"
        return {f"{one['path']}{suffix}": one for one in facts}


def speed_chapter(config: Mapping[str, Any], models: Models, files: Files) -> SpeedChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a system is neither helium nor in the file of structures, ``auto`` stands beside a device that it may mean,
        or the case of the cost-against-accuracy plane is not among the cases.
    """
    block = dict(config["speed"])
    block["references"] = config["phonons"]["references"]
    chapter = SpeedChapter(block, models)
    if not chapter.batches:
        return chapter
    asked = [("systems", system) for system in block["systems"]]
    if block["batch_sizes"]:
        asked.append(("batch_system", block["batch_system"]))
    crystals = load_crystals(Path(config["structures"])) if any(name != HELIUM for _, name in asked) else {}
    for key, system in asked:
        if system != HELIUM and system not in crystals:
            source = origin(files, ["speed", key], block[key])
            hint = near_misses(system, [HELIUM, *sorted(crystals)])
            raise UserError(f"{source}: speed.{key}: {system!r} is neither helium nor in {config['structures']}{hint}")
    if AUTO in block["devices"] and len(block["devices"]) > 1:
        source = origin(files, ["speed", "devices"], block["devices"])
        raise UserError(
            f"{source}: speed.devices: auto may be the same device as the one beside it; name all devices or none."
        )
    singles = [facts["path"] for facts in chapter.plan("000").values() if facts["ladder"] != BATCH]
    if block["accuracy_case"] and block["accuracy_case"] not in singles:
        source = origin(files, ["speed", "accuracy_case"], block["accuracy_case"])
        hint = near_misses(block["accuracy_case"], singles)
        raise UserError(
            f"{source}: speed.accuracy_case: {block['accuracy_case']!r} is not one of the chapter's cases{hint}"
        )
    return chapter
