"""Small records of our own in the layouts of both databases, and a server of files with faults to order."""

from __future__ import annotations

import bz2
import io
import lzma
import threading
import time
import warnings
import zipfile
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import yaml
from ase.build import bulk
from conftest import with_emt_forces
from phonopy import Phonopy

from assay.phonons.protocol import displaced_crystal

SUPERCELL = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
TEMPERATURES_K = [0.0, 75.0, 150.0, 300.0, 600.0]
MEMBER = "phonopy_params.yaml.xz"
HTML = b"<!DOCTYPE html>\n<html><head><title>Please log in</title></head></html>\n"


def metal(symbol: str = "Cu", a: float = 3.6) -> Phonopy:
    """A face-centred metal with the forces of effective-medium theory."""
    return with_emt_forces(displaced_crystal(bulk(symbol, cubic=True, a=a), SUPERCELL))


def mdr_yaml(phonopy: Phonopy, folder) -> bytes:
    """The text of a record as the MDR database has it: displacements and forces."""
    path = folder / "written.yaml"
    phonopy.save(str(path), settings={"force_sets": True, "displacements": True, "force_constants": False})
    return path.read_bytes()


def mdr_zip(text: bytes, member: str = MEMBER) -> bytes:
    """The archive of a record as the MDR database serves it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("INCAR-force", "GGA = PS\n")
        archive.writestr(member, lzma.compress(text))
    return stream.getvalue()


def cell_block(cell) -> dict:
    points = [
        {"symbol": symbol, "coordinates": position.tolist(), "mass": float(mass)}
        for symbol, position, mass in zip(cell.symbols, cell.scaled_positions, cell.masses, strict=True)
    ]
    return {"lattice": cell.cell.tolist(), "points": points}


def alexandria_content(phonopy: Phonopy) -> dict:
    """What a record of Alexandria holds: forces, force constants, thermal properties as upstream computes them."""
    made = Phonopy(phonopy.unitcell, phonopy.supercell_matrix, primitive_matrix=phonopy.primitive_matrix)
    made.dataset = phonopy.dataset
    made.produce_force_constants()
    made.symmetrize_force_constants()
    made.run_mesh(100.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # phonopy warns of the acoustic modes at Gamma, which are meant to be there
        made.run_thermal_properties(temperatures=TEMPERATURES_K, exclude_gamma_acoustic=False)
    thermal = made.thermal_properties
    n = len(made.supercell)
    return {
        "displacements": [
            {
                "atom": first["number"] + 1,
                "displacement": np.asarray(first["displacement"]).tolist(),
                "forces": first["forces"].tolist(),
            }
            for first in phonopy.dataset["first_atoms"]
        ],
        "energy": float("nan"),
        "entropy": thermal.entropy.tolist(),
        "force_constants": {
            "elements": made.force_constants.reshape(n * n, 3, 3).tolist(),
            "format": "full",
            "shape": [n, n],
        },
        "free_e": thermal.free_energy.tolist(),
        "heat_capacity": thermal.heat_capacity.tolist(),
        "phonopy": {"version": "2.29.1", "symmetry_tolerance": 1e-5},
        "primitive_matrix": made.primitive_matrix.tolist(),
        "space_group": {"type": "Fm-3m", "number": 225},
        "supercell": cell_block(made.supercell),
        "supercell_matrix": made.supercell_matrix.tolist(),
        "temperatures": TEMPERATURES_K,
        "unit_cell": cell_block(made.unitcell),
    }


def alexandria_bz2(content: dict) -> bytes:
    """The file of a record as Alexandria serves it."""
    return bz2.compress(yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)).encode())


class FileServer:
    """Files over HTTP on this machine; ``faults[path]`` is a list of faults, one for each request.

    Faults: an HTTP status, ``"truncate"`` (the connection ends half way), ``"slow"`` (silence), ``"html"``,
    ``"no-range"`` (resuming is not possible), ``"moved"`` (a redirect).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list] = defaultdict(list)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.silence_s = 1.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def paths(self) -> list[str]:
        """Paths that were asked for, in order."""
        return [path for path, _ in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                faults = outer.faults[self.path]
                self.answer(faults.pop(0) if faults else None)

            def answer(self, fault):
                content = outer.files.get(self.path)
                if fault == "html":
                    content, fault = HTML, None
                if isinstance(fault, int) or content is None:
                    self.send_response(fault or 404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if fault == "moved":
                    self.send_response(302)
                    self.send_header("Location", f"{outer.url}/elsewhere")
                    self.end_headers()
                    return
                start = 0
                asked = self.headers.get("Range")
                etag = f'"{len(content)}-{content[:8].hex()}"'
                if asked and fault != "no-range" and self.headers.get("If-Range") in (None, etag):
                    start = int(asked.removeprefix("bytes=").partition("-")[0])
                body = content[start:]
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Accept-Ranges", "none" if fault == "no-range" else "bytes")
                self.send_header("ETag", etag)
                self.end_headers()
                if fault == "truncate":
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                    return
                if fault == "slow":
                    self.wfile.write(body[:10])
                    time.sleep(outer.silence_s)
                    return
                self.wfile.write(body)

        return Handler
