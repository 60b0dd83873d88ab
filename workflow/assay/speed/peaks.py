"""Peak memory of one case, above what the process held before."""

from __future__ import annotations

import ctypes
import gc
import sys
from dataclasses import dataclass

from assay.potentials.memory import peak_MB, reset_peak, resident_MB


@dataclass(frozen=True)
class PeakMemory:
    """A measurement that has begun.

    Attributes
    ----------
    idle_MB : float or None
        Memory of the process on the host when it began; None where the system does not tell.
    device : str
    """

    idle_MB: float | None
    device: str

    @classmethod
    def begin(cls, device: str) -> PeakMemory:
        """Return what earlier cases left to the system, and begin."""
        gc.collect()
        return_free_memory()
        torch = _torch_on(device)
        if torch is not None:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
        return cls(resident_MB() if reset_peak() else None, device)

    def host_MB(self) -> float | None:
        """Largest memory on the host so far, above the idle state (MB)."""
        peak = peak_MB()
        return None if self.idle_MB is None or peak is None else max(0.0, peak - self.idle_MB)

    def gpu_MB(self) -> float | None:
        """Largest memory on the GPU so far, the model's weights included (MB); None without one."""
        torch = _torch_on(self.device)
        return None if torch is None else torch.cuda.max_memory_allocated(self.device) / 1e6


def return_free_memory() -> None:
    """Give pages of the heap that nothing uses back to the system, which the allocator is told to keep for speed."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _torch_on(device: str):
    return sys.modules.get("torch") if device.startswith("cuda") else None
