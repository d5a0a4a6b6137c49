"""The folder of a live campaign: the pool as it was read, the settings, and what happened."""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from skmolal.cli._model import build_model
from skmolal.cli._report import write_atomically
from skmolal.datasets._storage import MoleculeTable

__all__ = ["CampaignFolder", "LibraryPool", "Pool"]

FORMAT = "skmolal.folder/1"


@dataclass(frozen=True)
class Pool:
    """The records of a live campaign.

    Attributes
    ----------
    X : ndarray of shape (n_samples,), dtype object
        Molecules, or SMILES where the descriptor needs no coordinates.
    ids : ndarray of shape (n_samples,)
        The records' own names: all integers or all strings.
    names, smiles : list of str, n_samples items
        Empty where unknown.
    """

    X: np.ndarray
    ids: np.ndarray
    names: list
    smiles: list

    def __len__(self):
        return len(self.X)

    @cached_property
    def _places(self):
        return {str(i): k for k, i in enumerate(self.ids.tolist())}

    def place_of(self, text):
        """Return the place of the record that a person names so, None if there is none."""
        return self._places.get(text)

    def id_at(self, place):
        """Return the id of a record as a number or text of Python's own."""
        return self.ids[place].item()

    def save(self, path):
        """Write everything to one file, without pickles."""
        has_atoms = not isinstance(self.X[0], str)
        geometries = (
            [(atoms.numbers, atoms.positions) for atoms in self.X]
            if has_atoms
            else [(np.empty(0, np.uint8), np.empty((0, 3)))] * len(self)
        )
        columns = {
            "id": [json.dumps(i) for i in self.ids.tolist()],
            "name": [" ".join(name.split()) for name in self.names],
            "smiles": list(self.smiles),
        }
        if has_atoms:
            columns["info"] = [json.dumps(_plain_info(atoms)) for atoms in self.X]
        else:
            columns["described"] = list(self.X)
        MoleculeTable.from_geometries(geometries, columns).save(path, key=FORMAT, compress=True)

    @classmethod
    def load(cls, path):
        """Read what :meth:`save` wrote."""
        table = MoleculeTable.load(path, key=FORMAT)
        if table is None:
            raise ValueError(f"{path}: not the pool of a campaign")
        columns = table.columns
        if "described" in columns:
            X = np.array(columns["described"], dtype=object)
        else:
            X = table.to_molecules()
            for atoms, text in zip(X, columns["info"], strict=True):
                info = json.loads(text)
                atoms.set_cell(info.pop("_cell", None) or np.zeros((3, 3)))
                atoms.pbc = info.pop("_pbc", False)
                atoms.info.update(info)
        ids = np.array([json.loads(text) for text in columns["id"]])
        return cls(X, ids, columns["name"], columns["smiles"])


class LibraryPool:
    """The records of a library, as those of a :class:`Pool`; an id is a position.

    Parameters
    ----------
    library : Library
        Described before.
    """

    def __init__(self, library):
        self.X = library
        self.names, self.smiles = _Lookup(library, "names"), _Lookup(library, "smiles")

    def __len__(self):
        return len(self.X)

    def place_of(self, text):
        """Return the place of the record that a person names so, None if there is none."""
        place = int(text) if text.isdigit() else -1
        return place if 0 <= place < len(self) and str(place) == text else None

    def id_at(self, place):
        """Return the id of a record."""
        return int(place)


class _Lookup:
    """Texts of a library, read one by one."""

    def __init__(self, library, name):
        self.library, self.name = library, name

    def __len__(self):
        return len(self.library)

    def __getitem__(self, place):
        return getattr(self.library, self.name)([place])[0]


def _plain_info(atoms):
    """Return what JSON can hold of ``atoms.info``, and the cell of a crystal."""
    info = {}
    for key, value in atoms.info.items():
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, (str, int, float, bool)):
            info[str(key)] = value
    if atoms.pbc.any():
        info |= {"_cell": atoms.cell.tolist(), "_pbc": atoms.pbc.tolist()}
    return info


class CampaignFolder:
    """A folder that ``skmolal new`` has made.

    Parameters
    ----------
    path : path-like
        The folder.
    settings : dict
        What ``settings.json`` holds.
    """

    def __init__(self, path, settings):
        self.path = Path(path)
        self.settings = settings
        self._pool = None

    @classmethod
    def create(cls, path, settings, pool):
        """Make the folder; nothing is left of it if that fails."""
        path = cls.check_free(path)
        path.mkdir(parents=True, exist_ok=True)
        folder = cls(path, {"format": FORMAT, **settings})
        folder._pool = pool
        if settings["library"] is None:
            pool.save(path / "pool.npz")
        text = json.dumps(folder.settings, indent=2, allow_nan=False) + "\n"
        write_atomically(path / "settings.json", lambda p: p.write_text(text, encoding="utf-8"))
        return folder

    @staticmethod
    def check_free(path):
        """Refuse a path where there is something else than an empty folder."""
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(f"{path} is there already; choose another name for the campaign")
        return path

    @classmethod
    def open(cls, path):
        """Find a campaign's folder."""
        path = Path(path)
        try:
            settings = json.loads((path / "settings.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(
                f"{path} is not the folder of a campaign: it has no settings.json; "
                "make one with 'skmolal new'"
            ) from None
        except json.JSONDecodeError as error:
            raise ValueError(f"{path / 'settings.json'} cannot be read: {error}") from error
        if not isinstance(settings, dict) or settings.get("format") != FORMAT:
            raise ValueError(f"{path / 'settings.json'} is of another version: expected {FORMAT!r}")
        return cls(path, settings)

    def remove(self):
        """Remove the folder: the campaign could not begin."""
        shutil.rmtree(self.path)

    @property
    def pool(self):
        """The records, read once."""
        if self._pool is None and self.settings.get("library") is not None:
            from skmolal.library import Library

            self._pool = LibraryPool(Library(self.settings["library"]))
        elif self._pool is None:
            self._pool = Pool.load(self.path / "pool.npz")
        return self._pool

    @property
    def storage(self):
        """Where the events are: a path, or a URL."""
        return self.settings["storage"] or self.path / "campaign.db"

    def build_estimator(self):
        """Build the model that the settings name; it keeps what it knows from round to round."""
        names = ("descriptor", "model", "kernel", "noise")
        return build_model(
            self.pool.X,
            **{name: self.settings[name] for name in names},
            warm_start=True,
            baseline=self.settings.get("baseline"),  # a folder made by an earlier version has none
        )

    def load_campaign(self, *, read_only=False):
        """Continue the campaign."""
        from skmolal.active_learning import Campaign

        return Campaign.load(self.storage, self.build_estimator(), self.pool.X, read_only=read_only)
