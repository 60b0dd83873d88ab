"""Files of published numbers: YAML whose keys and numbers are checked, with one sentence for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from assay.failures import UserError, near_misses


@dataclass(frozen=True)
class Reference:
    """What stands beside a model's number.

    Attributes
    ----------
    value, low, high : float
        The best value, and the spread of laboratories and methods; NaN where nothing was measured.
    dois : tuple of str
    """

    value: float
    low: float
    high: float
    dois: tuple[str, ...] = ()


NOTHING = Reference(np.nan, np.nan, np.nan)


def read_yaml(path: Path, remedy: str) -> Any:
    """The content of a YAML file.

    Parameters
    ----------
    path : Path
    remedy : str
        What to do if it is missing.

    Raises
    ------
    UserError
        If it is missing or not YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; {remedy}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error


def mapping_of(path: Path, where: str, content: Any, needed: set[str], known: set[str]) -> dict[str, Any]:
    """The content as a mapping that has the needed keys, and none that is not known.

    Raises
    ------
    UserError
        If it is not.
    """
    if not isinstance(content, dict):
        raise UserError(f"{path}: {where}: expected a mapping with the keys {sorted(needed)}.")
    for key in sorted(content.keys() - known, key=str):
        raise UserError(f"{path}: {where}: unknown key {key!r}{near_misses(key, known)}")
    for key in sorted(needed - content.keys()):
        raise UserError(f"{path}: {where}: the key {key!r} is missing; add it.")
    return content


def list_of(path: Path, where: str, content: Any) -> list[Any]:
    """The content as a list.

    Raises
    ------
    UserError
        If it is none.
    """
    if not isinstance(content, list):
        raise UserError(f"{path}: {where}: expected a list; got {content!r}.")
    return content


def number_of(path: Path, where: str, value: Any) -> float:
    """The value as a number.

    Raises
    ------
    UserError
        If it is none.
    """
    try:
        # YAML 1.1 reads 2e-3, without a point, as text
        return float(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {where}: expected a number; got {value!r}.") from error
