"""The process environment in which models run fast beside others on a shared machine."""

from __future__ import annotations


def recommended_environment(threads: int) -> dict[str, str]:
    """Environment variables for a process that evaluates a potential on `threads` cores.

    They are read when the process starts, so whoever launches it has to set them.

    Parameters
    ----------
    threads : int
        Cores that the process may use.

    Returns
    -------
    dict of str to str
    """
    return {
        # one pool of threads per library, none larger than the share of the machine
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMEXPR_NUM_THREADS": str(threads),
        # threads that wait sleep: spinning ones starve another process on the same cores (measured: 4 times slower)
        "OMP_WAIT_POLICY": "passive",
        # large arrays come from the heap and stay there: the pages of a pass are not returned to the system and
        # faulted in again for the next one (measured: up to 3.7 times faster passes)
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_TOP_PAD_": "268435456",
        # packages of the user's home do not leak into a pinned environment
        "PYTHONNOUSERSITE": "1",
    }
