"""All cases of a system in lockstep, from their checkpoints to their results: our own engine of the chapter.

The cases of one framework, guest and temperature differ in the fugacity alone. All their replicas are advanced
together. A case whose checkpoint is older than the others' catches up first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from assay.adsorption.acceptance import activity_volume
from assay.adsorption.case import Case, Progress, records_of, write_files
from assay.adsorption.checkpoints import State
from assay.adsorption.insertion_bias import InsertionBias
from assay.adsorption.monte_carlo import ADAPT_EVERY, DRIFT_EV, Conditions, Lockstep
from assay.adsorption.moves import Shares, skip
from assay.adsorption.observations import observations
from assay.adsorption.overlaps import OverlapMap
from assay.adsorption.reservoir import Reservoir, flexible_reservoir, rigid_reservoir
from assay.adsorption.stability import failure_of, most_molecules
from assay.adsorption.walkers import Walkers
from assay.contacts import Contacts
from assay.failures import PotentialFailure, UserError
from assay.hosts import Host, System
from assay.potentials.guests import GuestEnergies
from assay.potentials.hosts import host_for
from assay.potentials.whole_structures import WholeStructures
from assay.randomness import random_stream

if TYPE_CHECKING:
    from assay.potentials import Potential

REFRESH_EVERY = {True: 5000, False: 50}
"""Trials between evaluations of all guests, by whether the energies are additive. Checkpoints are only written there,
and at the end: then what is computed anew after a kill is computed anew without one too, and gives the same numbers."""

RECORDS_IN_MEMORY = 256 << 20
"""Bytes of frames beyond which a checkpoint is written before its time."""

Outcome = dict[str, Any]
"""What `Job.write_result` is told of a case."""

Report = Callable[[int, int, float, Mapping[str, float]], None]

log = logging.getLogger("assay")


def say_nothing(done: int, total: int, seconds: float, mean_molecules: Mapping[str, float]) -> None:
    """A report to nobody."""


@dataclass
class Simulation:
    """What the cases of one system share.

    Attributes
    ----------
    name : str
        Of the system.
    temperature_K : float
    potential : Potential
    system : System
    host : Host
        As the potential gets it.
    seen : dict
        What `assay.potentials.hosts.host_for` saw.
    energies : GuestEnergies
    additive : bool
        Whether the energies are kept up to date by differences.
    settings : mapping
    seed : int
    cutoff_A : float or None
    checkpoint_s : float
    report : callable
        ``report(done, total, seconds per step of all chains, mean molecules by case)``.
    """

    name: str
    temperature_K: float
    potential: Potential
    system: System
    host: Host
    seen: Mapping[str, Any]
    energies: GuestEnergies
    additive: bool
    settings: Mapping[str, Any]
    seed: int
    cutoff_A: float | None
    checkpoint_s: float
    report: Report

    def run(self, cases: Sequence[Case]) -> dict[str, Outcome]:
        """Simulate cases, those that were left behind first."""
        total = self.settings["trials"]
        running = {case.name: self._progress(case) for case in cases}
        outcomes: dict[str, Outcome] = {}
        while running:
            least = min(one.state.done for one in running.values())
            if least == total:
                break
            together = [one for one in running.values() if one.state.done == least]
            until = min((one.state.done for one in running.values() if one.state.done > least), default=total)
            stopped = self._advance_or_part(together, until)
            for name, failure in stopped.items():
                outcomes[name] = self._finish(running.pop(name), failure)
        return outcomes | {name: self._finish(one) for name, one in running.items()}

    def _progress(self, case: Case) -> Progress:
        found = Progress.resumed(case, self.settings["trials"])
        if found is not None:
            if found.state.done:
                log.info("%s: going on at trial %d of %d", case.name, found.state.done, self.settings["trials"])
            return found
        walkers = Walkers.empty(
            self.settings["replicas"],
            len(self.system.guest),
            self.settings["max_displacement_A"],
            self.settings["max_rotation_deg"],
        )
        return Progress.begun(case, State(0, walkers, self._reservoir))

    @cached_property
    def _reservoir(self) -> Reservoir:
        if self.settings["guest"] == "rigid":
            return rigid_reservoir(self.system.guest)
        stream = random_stream(self.seed, f"adsorption/{self.name}/{self.temperature_K:g}K/reservoir")
        return flexible_reservoir(self.potential, self.system.guest, self.temperature_K, stream)

    @cached_property
    def _contacts(self) -> Contacts:
        return Contacts.of(self.host.cell, self.system.guest)

    @cached_property
    def _overlaps(self) -> OverlapMap | None:
        fraction = self.settings["overlap_fraction"]
        return OverlapMap.of(self.host.cell, self.system.guest, fraction) if fraction else None

    @cached_property
    def _bias(self) -> InsertionBias | None:
        """Only where thousands of energies cost seconds."""
        if self.potential.interaction is None:
            return None
        guest, cell = self.system.guest, self.host.cell
        stream = random_stream(self.seed, f"adsorption/{self.name}/{self.temperature_K:g}K/bias")
        energies = self.potential.interaction(cell, guest)
        return InsertionBias.of(energies, cell, guest, self.host.repeats, units.kB * self.temperature_K, stream)

    def _advance_or_part(self, together: list[Progress], until: int) -> dict[str, PotentialFailure]:
        """Advance cases; where that fails for all of them, each one by itself from its last checkpoint."""
        try:
            return self._advance(together, until)
        except PotentialFailure as failure:
            self.potential.release()
            if len(together) == 1:
                return {together[0].case.name: failure}
        stopped = {}
        for one in together:
            again = self._progress(one.case)
            one.state, one.checkpoint, one.seconds = again.state, again.checkpoint, again.seconds
            try:
                stopped |= self._advance([one], until)
            except PotentialFailure as failure:
                self.potential.release()
                stopped[one.case.name] = failure
        return stopped

    def _advance(self, together: list[Progress], until: int) -> dict[str, PotentialFailure]:
        """Advance cases that have made equally many trials; those that cannot go on are left where they are."""
        replicas = self.settings["replicas"]
        slices = {one.case.name: slice(n * replicas, (n + 1) * replicas) for n, one in enumerate(together)}
        chains = self._lockstep(together)
        most = most_molecules(self.system.guest, self.host.supercell.get_volume())
        every = REFRESH_EVERY[self.additive]
        began = saved = counted = time.monotonic()
        first = chains.done
        going, stopped = list(together), {}
        while going and chains.done < until:
            chains.advance(until, min(every, ADAPT_EVERY))
            if chains.done % every == 0 or chains.done == until:
                chains.refresh()
            now = time.monotonic()
            for one in going:
                one.seconds += (now - counted) / len(going)
            counted = now
            self._say(chains, slices, (now - began) / (chains.done - first))
            for one in list(going):
                name = one.case.name
                counts, inside = chains.walkers.counts[slices[name]], chains.inside[slices[name]]
                if (failure := failure_of(counts, inside, chains.walkers.tally[slices[name]], most)) is not None:
                    stopped[name] = failure
                    self._save(chains, one, slices[name])
                    chains.stop(slices[name])
                    going.remove(one)
            due = now - saved > self.checkpoint_s or chains.recorded_bytes > RECORDS_IN_MEMORY
            if (due and chains.done % every == 0) or chains.done == until:
                for one in going:
                    self._save(chains, one, slices[one.case.name])
                chains.forget()
                saved = time.monotonic()
        return stopped

    def _lockstep(self, together: list[Progress]) -> Lockstep:
        settings, supercell, reservoir = self.settings, self.host.supercell, together[0].state.reservoir
        replicas, done = settings["replicas"], together[0].state.done
        streams = [
            random_stream(self.seed, f"adsorption/{one.case.name}/{replica}")
            for one in together
            for replica in range(replicas)
        ]
        for stream in streams:
            skip(stream, done)
        log_activity = [
            np.log(activity_volume(one.case.facts["fugacity_Pa"], self.temperature_K, supercell.get_volume()))
            for one in together
        ]
        conditions = Conditions(
            cell_A=supercell.cell.array,
            temperature_K=self.temperature_K,
            reservoir=reservoir,
            shares=Shares.of(settings["shares"], atoms=len(self.system.guest), internal=len(reservoir)),
            contacts=self._contacts,
            overlaps=self._overlaps,
            equilibration_trials=settings["equilibration_trials"],
            sample_every=settings["sample_every"],
            frame_every=settings["frame_every"],
            drift_eV=DRIFT_EV["float64" if self.additive else "float32"],
            bias=self._bias,
        )
        return Lockstep(
            conditions,
            self.energies,
            Walkers.joined([one.state.walkers for one in together]),
            streams,
            np.repeat(log_activity, replicas),
            np.tile(np.arange(replicas) % 2 == 1, len(together)),
            done,
            energy_drift_eV=max(one.state.energy_drift_eV for one in together),
        )

    def _save(self, chains: Lockstep, one: Progress, chosen: slice) -> None:
        one.state = State(
            chains.done, chains.walkers.part(chosen), one.state.reservoir, one.seconds, chains.energy_drift_eV
        )
        one.checkpoint.save(one.state, records_of(chains.samples, chains.frames, chosen))

    def _say(self, chains: Lockstep, slices: Mapping[str, slice], seconds: float) -> None:
        means = {name: float(chains.walkers.counts[chosen].mean()) for name, chosen in slices.items()}
        self.report(chains.done, self.settings["trials"], seconds, means)

    def _finish(self, one: Progress, failure: PotentialFailure | None = None) -> Outcome:
        """The files and the observations of a case; of one that failed what there was until then."""
        files = write_files(one, self.host.supercell, self.system.guest)
        observed = observations(
            one, self.settings, self.host, self.energies, additive=self.additive, cutoff_A=self.cutoff_A
        )
        outcome: Outcome = {
            "files": files,
            "observations": {
                **observed,
                "insertions": "uniform" if self._bias is None else "biased",
                "dtype": self.potential.dtype,
                **self.seen,
            },
        }
        if failure is not None:
            one.checkpoint.remove()
            outcome |= {"status": "failed", "reason": failure.reason, "message": failure.message}
        return outcome


def simulate(
    potential: Potential,
    system: System,
    cases: Sequence[Case],
    settings: Mapping[str, Any],
    *,
    seed: int,
    cutoff_A: float | None = None,
    checkpoint_s: float = 60.0,
    report: Report = say_nothing,
) -> dict[str, Outcome]:
    """Simulate the cases of one system at one temperature and write their files.

    Parameters
    ----------
    potential : Potential
    system : System
    cases : sequence of Case
        Facts with ``system``, ``temperature_K``, ``fugacity_Pa``.
    settings : mapping
        ``moves``, ``guest``, ``trials``, ``equilibration_trials``, ``replicas``, ``sample_every``, ``frame_every``,
        ``supercell``, ``relax_host``, ``relax_fmax_eV_A``, ``relax_steps``, ``overlap_fraction``, ``shares``,
        ``max_displacement_A``, ``max_rotation_deg``.
    seed : int
        Of the campaign.
    cutoff_A : float, optional
        The potential's cut-off if it does not tell itself.
    checkpoint_s : float
        Time between checkpoints.
    report : callable
        ``report(done, total, seconds per step of all chains, mean molecules by case)`` after every block of trials.

    Returns
    -------
    dict of str to Outcome
        By case: ``files``, ``observations`` and, where the potential failed, ``status``, ``reason``, ``message``.

    Raises
    ------
    UserError
        For moves that this engine does not have, a flexible guest of a potential without intramolecular energies, and
        if nobody knows the cut-off, and the supercell is ``auto``.
    PotentialFailure
        If the host's or the isolated guest's energy cannot be had; as of `Potential.evaluate`.
    """
    if settings["moves"] != "mc":
        raise UserError(
            f"adsorption.moves: {settings['moves']}: our own Monte Carlo has no dynamics; take `engine: lammps`, or"
            " `moves: mc`."
        )
    additive = potential.guests is not None
    cutoff = potential.details.get("cutoff_A") or cutoff_A
    host, seen = host_for(potential, system.host, settings, cutoff, chapter="adsorption")
    energies: GuestEnergies
    if additive:
        energies = potential.guests(host.supercell, system.guest)
    else:
        energies = WholeStructures(potential, host.supercell, system.guest, rigid=settings["guest"] == "rigid")
    facts = cases[0].facts
    return Simulation(
        name=facts["system"],
        temperature_K=facts["temperature_K"],
        potential=potential,
        system=system,
        host=host,
        seen=seen,
        energies=energies,
        additive=additive,
        settings=settings,
        seed=seed,
        cutoff_A=cutoff,
        checkpoint_s=checkpoint_s,
        report=report,
    ).run(cases)
