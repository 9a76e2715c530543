"""Public files the package knows: where they are, what they weigh, and by which hash they are recognised."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specformer._logging import logger
from specformer._settings import settings

if TYPE_CHECKING:
    from pathlib import Path

_HASHES = "known_hashes.json"


@dataclass(frozen=True)
class Source:
    """One public file.

    Parameters
    ----------
    name
        File name in the cache.
    url
        Where it is published, at an address whose content is not meant to change.
    licence
        Terms under which it is published.
    n_bytes
        Its size; 0 if not known.
    sha256
        Its hash. Where it is not known, the hash of the first download is written down in the cache and enforced
        from then on.
    """

    name: str
    url: str
    licence: str
    n_bytes: int = 0
    sha256: str | None = None


SOURCES = {
    "hgnc": Source(
        name="hgnc_complete_set_2026-07-07.txt",
        url="https://storage.googleapis.com/public-download-files/hgnc/archive/archive/quarterly/tsv/"
        "hgnc_complete_set_2026-07-07.txt",
        licence="CC0 1.0",
        n_bytes=16_913_890,
        sha256="e73e9259177884b5994fc81ed733c1b3d4df34c84290bc9dddc86e960d5d6419",
    ),
}


def fetch(source: Source, *, n_retries: int = 2) -> Path:
    """The file of `source` in the cache (`sf.settings.cachedir`), downloaded if it is not there.

    Parameters
    ----------
    source
        What to fetch.
    n_retries
        How often a download that broke off, or came with the wrong hash, is tried again.

    Returns
    -------
    Path of a file whose hash was checked just now.

    Raises
    ------
    OSError
        If the file cannot be had. Nothing is left in the cache.
    ValueError
        If what came has not the hash expected. Nothing is left in the cache.

    Examples
    --------
    >>> path = fetch(SOURCES["hgnc"])  # doctest: +SKIP
    """
    import pooch
    from requests.exceptions import RequestException

    cache = settings.cachedir
    known = source.sha256 or _recorded(cache).get(source.name)
    path = cache / source.name
    if not path.is_file():
        size = f"{source.n_bytes / 1e6:,.0f} MB" if source.n_bytes else "size unknown"
        logger.info("downloading %s (%s, licence: %s) from %s", source.name, size, source.licence, source.url)
    downloads = pooch.create(
        path=cache,
        base_url="",
        registry={source.name: known},
        urls={source.name: source.url},
        retry_if_failed=n_retries,
    )
    try:
        downloads.fetch(source.name, downloader=pooch.HTTPDownloader(progressbar=settings.progress))
    except RequestException as error:
        msg = (
            f"Could not download {source.url}: {error}. Check the connection, or put the file at {path} by hand "
            "(on a machine without internet, copy the whole cache directory)."
        )
        raise OSError(msg) from error
    except ValueError as error:
        msg = (
            f"{source.url} gave a file with another SHA-256 than the {known} expected: it was damaged on the way, or "
            f"has changed at its source. Try again"
            + ("." if source.sha256 else f"; if you trust the new file, delete its entry in {cache / _HASHES}.")
        )
        raise ValueError(msg) from error
    if known is None:
        _record(cache, source.name, pooch.file_hash(str(path), alg="sha256"))
    return path


def _recorded(cache: Path) -> dict[str, str]:
    file = cache / _HASHES
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _record(cache: Path, name: str, sha256: str) -> None:
    hashes = _recorded(cache) | {name: sha256}
    partial = cache / f"{_HASHES}.partial"
    partial.write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(cache / _HASHES)
