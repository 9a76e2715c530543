"""A public file in the cache: downloaded once, checked against its hash every time."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import quote

from specformer._atomic import atomic_file
from specformer._logging import logger
from specformer._settings import settings
from specformer.datasets._download import RefusedError, download
from specformer.datasets._turns import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from specformer.datasets._registry import Source

_HASHES = "known_hashes.json"
_LONGEST_PAUSE = 16  # seconds


def fetch(source: Source, *, n_retries: int = 4) -> Path:
    """The file of `source` in the cache (`sf.settings.cachedir`), downloaded if it is not there.

    Parameters
    ----------
    source
        What to fetch; from its published address, or by its name from `sf.settings.mirror` where that is set.
    n_retries
        How often a download that broke off is taken up again, after a pause. Later calls go on where it was as well.

    Returns
    -------
    Path of a file whose hash was checked just now.

    Raises
    ------
    OSError
        If the file cannot be had.
    ValueError
        If what came has not the hash expected. Nothing is left in the cache.

    Examples
    --------
    >>> path = fetch(SOURCES["hgnc"])  # doctest: +SKIP
    """
    import pooch
    from requests.exceptions import RequestException

    cache = settings.cachedir
    known = source.sha256 or recorded_hash(source)
    path, url = cache / source.name, address(source)
    downloads = pooch.create(
        path=cache,
        base_url="",
        registry={source.name: known},
        urls={source.name: url},
    )
    try:
        # Whoever waited finds the file there.
        with nullcontext() if path.is_file() else in_turn(cache):
            downloads.fetch(source.name, downloader=_persistent(source, url, path, n_retries))
    except (RequestException, RefusedError) as error:
        msg = (
            f"Could not download {url}: {error}. Check the connection and call again, which goes on where it broke "
            f"off; or put the file at {path} by hand (on a machine without internet, copy the whole cache directory), "
            "or name a copy of the files with `sf.settings.mirror`."
        )
        raise OSError(msg) from error
    except ValueError as error:
        msg = (
            f"{url} gave a file with another SHA-256 than the {known} expected: it was damaged on the way, or "
            f"has changed at its source. Try again"
            + ("." if source.sha256 else f"; if you trust the new file, delete its entry in {cache / _HASHES}.")
        )
        raise ValueError(msg) from error
    if known is None:
        _record(source, pooch.file_hash(str(path), alg="sha256"))
    return path


def address(source: Source) -> str:
    """Where `source` is downloaded from."""
    return f"{settings.mirror.rstrip('/')}/{quote(source.name)}" if settings.mirror else source.url


def recorded_hash(source: Source) -> str | None:
    """The hash that the first download of `source` had, if it is in the cache."""
    return _recorded().get(source.name)


def _persistent(source: Source, url: str, path: Path, n_retries: int) -> Callable[..., None]:
    """The downloader that pooch calls: a connection that breaks is tried again, a wrong hash afterwards is not."""
    from requests.exceptions import RequestException

    partial = path.with_name(path.name + ".partial")

    def downloader(_url: str, output: str, _pooch: object) -> None:
        for attempt in range(n_retries + 1):
            try:
                download(source, url, partial)
                break
            except RequestException as error:
                if attempt == n_retries:
                    raise
                logger.warning("%s: %s; trying again (%d of %d)", source.name, error, attempt + 1, n_retries)
                time.sleep(min(2**attempt, _LONGEST_PAUSE))
        partial.replace(output)

    return downloader


def _recorded() -> dict[str, str]:
    file = settings.cachedir / _HASHES
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _record(source: Source, sha256: str) -> None:
    hashes = _recorded() | {source.name: sha256}
    with atomic_file(settings.cachedir / _HASHES) as file:
        file.write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
