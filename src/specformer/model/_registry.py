"""Where checkpoints come from: those in the package, those that can be downloaded, and directories of the user."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from specformer._atomic import atomic_directory
from specformer._checks import shown
from specformer._settings import settings
from specformer.genes import DEFAULT_CHECKPOINT


class Download(NamedTuple):
    """A checkpoint as a zip archive on the web, of which the hash is known."""

    url: str
    sha256: str


DOWNLOADS: dict[str, Download] = {}
"""By name. A released archive never changes; a new one gets a new name."""


def shipped() -> dict[str, Path]:
    """Checkpoints inside the package, by name."""
    folder = Path(str(files("specformer"))) / "checkpoints"
    return {path.parent.name: path.parent for path in sorted(folder.glob("[!.]*/config.json"))}


def locate(name_or_path: str | Path | None = None) -> Path:
    """The directory of a checkpoint: a path, a name that is shipped, or one that is downloaded once and kept."""
    if name_or_path is None:
        name_or_path = DEFAULT_CHECKPOINT
    if isinstance(name_or_path, Path) or Path(name_or_path).is_dir():
        path = Path(name_or_path)
        if not path.is_dir():
            msg = f"There is no directory {str(path)!r}."
            raise FileNotFoundError(msg)
        return path
    if name_or_path in (at_hand := shipped()):
        return at_hand[name_or_path]
    if name_or_path in DOWNLOADS:
        return _download(name_or_path)
    names = shown([*at_hand, *DOWNLOADS], 20) or "none"
    msg = f"{name_or_path!r} is neither a directory nor a known checkpoint. Known (`sf.models.available()`): {names}."
    raise FileNotFoundError(msg)


def cached(name: str) -> Path:
    """Where a download is kept."""
    return settings.cachedir / "checkpoints" / f"{name}-{DOWNLOADS[name].sha256[:12]}"


def _download(name: str) -> Path:
    """Download and unpack a checkpoint; it gets its name in the cache when all of it is there."""
    directory = cached(name)
    if (directory / "config.json").is_file():
        return directory
    import pooch

    url, sha256 = DOWNLOADS[name]
    try:
        archive = pooch.retrieve(
            url, f"sha256:{sha256}", f"{directory.name}.zip", directory.parent, progressbar=settings.progress
        )
        with ZipFile(archive) as opened, atomic_directory(directory) as written:
            opened.extractall(written)  # which keeps every member inside
    except OSError as error:  # of the network, or of the disk
        msg = (
            f"Could not download the checkpoint {name!r} from {url} to {directory.parent}: {error}. Check the connection "
            f"and `sf.settings.cachedir`, or unpack the archive by hand to {directory}."
        )
        raise OSError(msg) from error
    return directory
