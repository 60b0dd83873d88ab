"""Nequix on its JAX backend: checkpoints, and passes of which few are compiled.

JAX compiles a program for every shape of its arrays, which takes as long as some ten passes. So graphs are padded to
powers of two and halfway between, the first shape is one that most passes fit into, and another is compiled only when
padding has cost about as much as that takes: a strategy that is never more than twice as expensive as one that knows
what will come (Karlin et al., Algorithmica 3, 79 (1988), doi:10.1007/BF01762111).
"""

from __future__ import annotations

import json
import os
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

# XLA reads how many threads it may start from this variable when it starts, and knows nothing of OpenMP's
if "OMP_NUM_THREADS" in os.environ:
    os.environ.setdefault("NPROC", os.environ["OMP_NUM_THREADS"])

import equinox as eqx
import jax
import numpy as np
from nequix.model import Nequix

from assay.failures import UserError
from assay.potentials.memory import available_MB

ARCHITECTURE = (
    "hidden_irreps",
    "lmax",
    "cutoff",
    "n_layers",
    "radial_basis_size",
    "radial_mlp_size",
    "radial_mlp_layers",
    "radial_polynomial_p",
    "mlp_init_scale",
    "index_weights",
    "layer_norm",
    "shift",
    "scale",
    "avg_n_neighbors",
)
"""Keys of a checkpoint's configuration that are arguments of the model."""


class Shape(NamedTuple):
    """Lengths of the arrays that a program is compiled for."""

    nodes: int
    edges: int


@dataclass(frozen=True)
class Plan:
    """What is compiled on a kind of device.

    Attributes
    ----------
    first : Shape
        Nothing smaller is compiled as long as nothing larger is.
    compilation_edges : int
        Compiling takes about as long as a pass over so many edges.
    """

    first: Shape
    compilation_edges: int


PLANS = {"cpu": Plan(Shape(256, 4096), 30_000), "gpu": Plan(Shape(4096, 65536), 3_000_000)}


def jax_device(name: str) -> jax.Device:
    """The device of that name, such as ``cpu`` or ``cuda:0``.

    Raises
    ------
    UserError
        If a GPU is asked for that JAX does not see.
    """
    kind, _, index = name.partition(":")
    try:
        devices = jax.devices(kind)
    except RuntimeError:
        devices = []
    if int(index or 0) >= len(devices):
        raise UserError(
            f"device {name!r}: JAX sees {len(devices)} such devices here; choose the device cpu, `backend: torch`, or"
            " a machine with a GPU and JAX's CUDA packages in the environment."
        )
    return devices[int(index or 0)]


def read_nqx(path: Path) -> tuple[Nequix, Mapping[str, Any]]:
    """The model of a checkpoint ``.nqx``, and its configuration."""
    with Path(path).open("rb") as file:
        config = json.loads(file.readline())
        arguments = {key: config[key] for key in ARCHITECTURE}
        # only the shapes of what is read next: weights at random, as the package makes them first, take seconds
        empty = eqx.filter_eval_shape(
            lambda: Nequix(jax.random.key(0), n_species=len(config["atomic_numbers"]), kernel=False, **arguments)
        )
        return eqx.tree_deserialise_leaves(file, empty), config


def read_jax(path: Path) -> tuple[Nequix, Mapping[str, Any]]:
    """The model of a checkpoint of either backend, and its configuration."""
    if path.suffix != ".pt":
        return read_nqx(path)
    from nequix.torch_impl.model import load_model
    from nequix.torch_impl.utils import convert_model_torch_to_jax

    return convert_model_torch_to_jax(*load_model(str(path), use_kernel=False), False)


@dataclass
class JaxPasses:
    """Passes of one model.

    Attributes
    ----------
    weights, structure
        The model's arrays, on the device, and all else.
    plan : Plan
    programs : dict
        What was compiled, by whether derivatives are wanted, and shape.
    padding : Counter
        Edges computed in vain because a larger shape was at hand, by what was wanted.
    """

    weights: Any
    structure: Any
    plan: Plan
    programs: dict[tuple[bool, Shape], Callable[..., Any]] = field(default_factory=dict)
    padding: Counter[tuple[bool, Shape]] = field(default_factory=Counter)

    @classmethod
    def of(cls, model: Nequix, device: jax.Device) -> JaxPasses:
        """Of a model on a device."""
        weights, structure = eqx.partition(model, eqx.is_array)
        return cls(jax.device_put(weights, device), structure, PLANS.get(device.platform, PLANS["gpu"]))

    @property
    def parameters(self) -> int:
        """How many weights the model has; the energies of isolated atoms are none."""
        every = sum(array.size for array in jax.tree.leaves(self.weights))
        return every - self.weights.atom_energies.size

    def __call__(
        self, species: np.ndarray, edges: np.ndarray, vectors: np.ndarray, derivatives: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As `assay.potentials.nequix.Passes` says.

        Raises
        ------
        MemoryError
            If the compiled program needs more memory than the machine has free.
        """
        nodes, count = len(species), len(vectors)
        shape = self._shape(nodes, count, derivatives)
        program = self._program(shape, derivatives)
        # edges that pad are between one padding atom and itself, as long as the cutoff, where the model has faded out
        padded = np.zeros((shape.edges, 3), dtype=np.float32)
        padded[:count], padded[count:, 0] = vectors, self.structure.cutoff
        receivers, senders = np.pad(edges, ((0, 0), (0, shape.edges - count)), constant_values=nodes)
        found = program(self.weights, padded, np.pad(species, (0, shape.nodes - nodes)), senders, receivers)
        energies, slopes = found if derivatives else (found, None)
        return _numpy(energies)[:nodes], None if slopes is None else _numpy(slopes)[:count]

    def _shape(self, nodes: int, edges: int, derivatives: bool) -> Shape:
        """The shape to compute in: one that is compiled, or a tighter one if that has been padded often enough."""
        tight = tight_shape(nodes, edges)
        known = [shape for wanted, shape in self.programs if wanted == derivatives]
        fitting = [shape for shape in known if shape.nodes > nodes and shape.edges >= edges]
        if tight in fitting:
            return tight
        if not fitting:
            first = self.plan.first
            return first if tight.nodes <= first.nodes and tight.edges <= first.edges else tight
        smallest = min(fitting, key=lambda shape: (shape.edges, shape.nodes))
        self.padding[derivatives, tight] += smallest.edges - tight.edges
        return smallest if self.padding[derivatives, tight] <= self.plan.compilation_edges else tight

    def _program(self, shape: Shape, derivatives: bool) -> Callable[..., Any]:
        key = derivatives, shape
        if key not in self.programs:
            self.programs[key] = self._compile(shape, derivatives)
        program = self.programs[key]
        needed, free = program.memory_analysis(), available_MB()
        if needed and free is not None and self.plan is PLANS["cpu"] and needed.temp_size_in_bytes > 1e6 * free:
            raise MemoryError(f"{needed.temp_size_in_bytes / 1e6:.0f} MB for a pass, of {free:.0f} MB that are free")
        return program

    def _compile(self, shape: Shape, derivatives: bool) -> Callable[..., Any]:
        def energies(weights: Any, vectors: jax.Array, *graph: jax.Array) -> jax.Array:
            return eqx.combine(weights, self.structure).node_energies(vectors, *graph)[:, 0]

        def slopes(weights: Any, vectors: jax.Array, *graph: jax.Array) -> tuple[jax.Array, jax.Array]:
            total, pull = jax.vjp(lambda moved: energies(weights, moved, *graph), vectors)
            (gradient,) = pull(jax.numpy.ones_like(total))
            return total, gradient

        indices = jax.ShapeDtypeStruct((shape.edges,), np.int32)
        arrays = (
            jax.ShapeDtypeStruct((shape.edges, 3), np.float32),
            jax.ShapeDtypeStruct((shape.nodes,), np.int32),
            indices,
            indices,
        )
        # the compiler ends the process where it gets no memory, so the limit of a pass is not one for it
        limit, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        try:
            return jax.jit(slopes if derivatives else energies).lower(self.weights, *arrays).compile()
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def tight_shape(nodes: int, edges: int) -> Shape:
    """The smallest shape that is compiled for a graph; at least one atom of it is padding.

    Atoms cost little beside edges: where there are many edges, their number alone decides, so that shapes stay few.
    """
    wide = _rounded_up(max(edges, 256))
    return Shape(_rounded_up(max(nodes + 1, wide // 32)), wide)


def _rounded_up(number: int) -> int:
    power = 1 << (number - 1).bit_length()
    return power * 3 // 4 if number <= power * 3 // 4 else power


def _numpy(array: jax.Array) -> np.ndarray:
    return np.asarray(array).astype(float)
