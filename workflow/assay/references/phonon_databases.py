"""Where the records of the phonon databases are, and how one of them is obtained, from the network or from a mirror.

MDR phonon database: A. Togo, PBEsol, CC BY 4.0, https://mdr.nims.go.jp/collections/8g84ms862, calculated as in
doi:10.7566/JPSJ.92.012001.
Alexandria phonon benchmark: A. Loew et al., npj Comput. Mater. 11, 178 (2025), doi:10.1038/s41524-025-01650-1, PBE and
PBEsol, CC BY 4.0.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.downloads import Obtained, from_mirror, obtain
from assay.failures import UserError, near_misses
from assay.references.archives import unpack
from assay.references.cases import MDR_ID, MP_ID
from assay.references.phonon_records import PhononRecord, read_record
from assay.transfers import Keys, Manners, NotThere

MEMBER = "phonopy_params.yaml.xz"
INDEX = "mdr_phonondb_ids.csv"
"""In a mirror: two columns, ``mp_id,mdr_id``."""
KEYS = Keys(
    address="its id, or phonons.database.base_url",
    mirror="phonons.database.mirror",
    limit="phonons.database.max_download_MB",
    checksum="phonons.database.checksums",
)
LISTING = "README.md"
"""In a mirror: the table of all records as its author keeps it; from the network it is this file that is read."""


@dataclass(frozen=True)
class Database:
    """A phonon database.

    Attributes
    ----------
    name : str
        As in ``phonons.database.source``.
    title : str
    level_of_theory : str
    base_url : str
        Folder of the records, with its slash.
    index_url : str
        Page that lists them.
    citation, licence : str
    """

    name: str
    title: str
    level_of_theory: str
    base_url: str
    index_url: str
    citation: str
    licence: str = "CC BY 4.0"

    @property
    def needs_mdr_ids(self) -> bool:
        """Whether files are named by ids of its own."""
        return self.name == "mdr"

    def file_name(self, case: str, mdr_id: str | None) -> str:
        """Name of the file of a record, as the database has it."""
        return f"{mdr_id}.zip" if self.needs_mdr_ids else f"{case}.yaml.bz2"

    def mirror_names(self, case: str, mdr_id: str | None) -> list[str]:
        """Names (relative to a mirror) under which a record is looked for, in order."""
        by_id = [f"phonopy_{case}.yaml.xz", f"{case}.yaml.xz", f"{case}/{MEMBER}", f"{case}.yaml.bz2", f"{case}.zip"]
        own = [self.file_name(case, mdr_id)] if mdr_id or not self.needs_mdr_ids else []
        return [*own, *by_id] if self.needs_mdr_ids else own


def _alexandria(functional: str) -> Database:
    folder = f"https://alexandria.icams.rub.de/data/phonon_benchmark/{functional.lower()}/"
    return Database(
        name=f"alexandria-{functional.lower()}",
        title=f"Alexandria phonon benchmark ({functional})",
        level_of_theory=functional,
        base_url=folder,
        index_url=folder,
        citation="doi:10.1038/s41524-025-01650-1",
    )


# the revision of the index is pinned: it is the list of records as of that day, whatever becomes of the branch
DATABASES = {
    "mdr": Database(
        name="mdr",
        title="MDR phonon database",
        level_of_theory="PBEsol",
        base_url="https://mdr.nims.go.jp/download_all/",
        index_url="https://raw.githubusercontent.com/atztogo/phonondb/"
        "bba2067992bdd959b0d66a5c3debad4fb4ef8132/mdr/phonondb/README.md",
        citation="https://mdr.nims.go.jp/collections/8g84ms862, doi:10.7566/JPSJ.92.012001",
    ),
    "alexandria-pbe": _alexandria("PBE"),
    "alexandria-pbesol": _alexandria("PBEsol"),
}


@dataclass(frozen=True)
class Access:
    """How records are obtained.

    Attributes
    ----------
    database : Database
    downloads : Path
        Folder of downloaded files and recorded checksums.
    mirror : Path or None
        Folder that replaces the network.
    base_url : str
        In place of the database's own, where not empty; its listing is there too.
    limit_MB, unpacked_limit_MB : float
        Largest size of a file (MiB), packed and unpacked.
    manners : Manners
    """

    database: Database
    downloads: Path
    mirror: Path | None = None
    base_url: str = ""
    limit_MB: float = 50.0
    unpacked_limit_MB: float = 500.0
    manners: Manners = field(default_factory=Manners)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Access:
        """From the options of `access_parser`.

        Raises
        ------
        UserError
            If the mirror is not a folder.
        """
        mirror = Path(arguments.mirror) if arguments.mirror else None
        if mirror and not mirror.is_dir():
            raise UserError(f"phonons.database.mirror: there is no folder {mirror}; correct the path.")
        return cls(
            database=DATABASES[arguments.source],
            downloads=arguments.downloads,
            mirror=mirror,
            base_url=arguments.base_url,
            limit_MB=arguments.max_download_MB,
            unpacked_limit_MB=arguments.max_unpacked_MB,
        )

    @property
    def folder(self) -> Path:
        """Downloads of this database."""
        return self.downloads / self.database.name

    def record_file(self, case: str, mdr_id: str | None = None, sha256: str | None = None) -> Obtained:
        """The file of a record, verified.

        Parameters
        ----------
        case : str
            Such as ``mp-149``.
        mdr_id : str, optional
            Needed for the MDR database over the network.
        sha256 : str, optional
            Pinned checksum.

        Raises
        ------
        UserError
            One sentence with the file, the key and the remedy.
        """
        if self.mirror is None:
            if self.database.needs_mdr_ids and not mdr_id:
                raise UserError(f"{case}: its id in the MDR database is not known; give it in phonons.database.ids.")
            name = self.database.file_name(case, mdr_id)
            url = _join(self.base_url or self.database.base_url, name)
            options = {"limit_MB": self.limit_MB, "keys": KEYS, "manners": self.manners}
            return obtain(url, name, self.folder, sha256=sha256, **options)
        names = self.database.mirror_names(case, mdr_id)
        path = next((self.mirror / name for name in names if (self.mirror / name).is_file()), None)
        if path is None:
            wanted = ", ".join(names)
            raise NotThere(
                f"{self.mirror}: {case} is not in this mirror (looked for {wanted}); add it, or correct the id."
            )
        return from_mirror(path, self.folder / f"{case}-{path.name}", KEYS, sha256)

    def record(self, case: str, obtained: Obtained) -> PhononRecord:
        """Read the file of a record."""
        content = unpack(obtained.path, member=MEMBER, limit_MB=self.unpacked_limit_MB)
        return read_record(content, f"{obtained.source}: {case}")

    def index(self) -> dict[str, IndexEntry]:
        """The records that there are, by mp id: those of the mirror, or those that the database lists."""
        if self.mirror is None:
            name = "index.md" if self.database.needs_mdr_ids else "index.html"
            listing = LISTING if self.database.needs_mdr_ids else ""
            url = _join(self.base_url, listing) if self.base_url else self.database.index_url
            obtained = obtain(url, name, self.folder, limit_MB=self.limit_MB, keys=KEYS, manners=self.manners)
            text = obtained.path.read_text(errors="replace")
            entries = parse_mdr_index(text) if self.database.needs_mdr_ids else parse_listing(text)
            if not entries:
                obtained.path.unlink()
                raise UserError(f"{url}: lists no record; look at that page, or give phonons.database.mirror.")
            return entries
        return self._mirrored(self._mirrored_index() if self.database.needs_mdr_ids else {})

    def _mirrored_index(self) -> dict[str, IndexEntry]:
        for name in (INDEX, LISTING):
            path = self.mirror / name
            if path.is_file():
                return parse_mdr_index(path.read_text(errors="replace"))
        return {}

    def _mirrored(self, listed: Mapping[str, IndexEntry]) -> dict[str, IndexEntry]:
        try:
            names = {path.name for path in self.mirror.iterdir()}
        except OSError as error:
            raise UserError(f"{self.mirror}: cannot read this mirror ({error.strerror}); correct the path.") from error
        by_mdr_id = {entry.mdr_id: case for case, entry in listed.items()}
        entries = {}
        for name in names:
            found = re.fullmatch(r"(?:phonopy_)?(mp-[0-9]+)(?:\.yaml\.xz|\.yaml\.bz2|\.zip)?", name)
            case = found[1] if found else by_mdr_id.get(name.removesuffix(".zip"))
            if case:
                entries[case] = listed.get(case, IndexEntry(None, None))
        return entries


def access_parser(source: str | None = None) -> argparse.ArgumentParser:
    """The options of all programs that obtain records; `source` is asked for unless given.

    An option without a value is as good as none: that is how a rule writes an empty setting.
    """
    parser = argparse.ArgumentParser(add_help=False)
    if source is None:
        parser.add_argument("--source", choices=sorted(DATABASES), required=True, help="the database")
    else:
        parser.set_defaults(source=source)
    parser.add_argument(
        "--base-url", nargs="?", default="", const="", help="folder of the records, in place of the database's own"
    )
    parser.add_argument("--mirror", nargs="?", default="", const="", help="folder of files that replaces the network")
    parser.add_argument("--downloads", type=Path, required=True, help="folder of downloads and recorded checksums")
    parser.add_argument("--max-download-MB", type=float, default=50.0, help="largest file (MiB; default: 50)")
    parser.add_argument("--max-unpacked-MB", type=float, default=500.0, help="largest content (MiB; default: 500)")
    return parser


@dataclass(frozen=True)
class IndexEntry:
    """What an index says of a record.

    Attributes
    ----------
    mdr_id : str or None
    formula : str or None
    """

    mdr_id: str | None
    formula: str | None


def parse_mdr_index(text: str) -> dict[str, IndexEntry]:
    """Ids of the MDR database by mp id: a table of Markdown with links, or two comma-separated columns."""
    entries = {}
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("| ").split("|")]
            link = re.search(r"/([0-9a-z]+)\.zip\)?$", cells[-1]) if len(cells) > 2 else None
            if link and cells[0].isdigit():
                entries[f"mp-{cells[0]}"] = IndexEntry(link[1], cells[1])
        else:
            cells = [cell.strip() for cell in line.split(",")]
            if len(cells) >= 2 and MP_ID.fullmatch(cells[0]) and MDR_ID.fullmatch(cells[1]):
                entries[cells[0]] = IndexEntry(cells[1], cells[2] if len(cells) > 2 else None)
    return entries


def parse_listing(text: str) -> dict[str, IndexEntry]:
    """Records that the page of a folder links to."""
    return {case: IndexEntry(None, None) for case in re.findall(r"\b(mp-[0-9]+)\.yaml\.bz2", text)}


def mdr_id_of(case: str, index: Mapping[str, IndexEntry], origin: str) -> str:
    """The id of a record in the MDR database.

    Raises
    ------
    UserError
        If the index does not know the mp id, with near misses.
    """
    if case not in index:
        raise UserError(f"{origin}: {case} is not in the index of the MDR database{near_misses(case, index)}")
    return index[case].mdr_id


def _join(base: str, name: str) -> str:
    return f"{base.rstrip('/')}/{name}"
