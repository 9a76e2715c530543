"""One file from the web, in as many attempts as it takes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from specformer._logging import logger
from specformer._settings import settings

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

    from specformer.datasets._registry import Source

TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for the next byte."""
_PIECE = 1 << 16


class RefusedError(OSError):
    """The server answered, and will not give the file: asking again is of no use."""


def download(source: Source, url: str, partial: Path) -> None:
    """Bring `partial` to the full length of the file at `url`; bytes that it holds already are not fetched again.

    What is there is taken up only if the server says that its file is still the same (ETag or date); else it starts
    afresh. Size and licence are logged before the first byte.

    Parameters
    ----------
    source
        What is fetched, for the log.
    url
        Where it is.
    partial
        Where it goes. What the server calls this version of the file is kept beside it until it is complete.

    Raises
    ------
    RefusedError
        If the server has no such file, or does not give it.
    OSError
        If the disk has no room for it.
    requests.RequestException
        If the connection broke. What has come is kept.
    """
    import requests

    tag = partial.with_name(partial.name + ".version")
    have = partial.stat().st_size if partial.is_file() and tag.is_file() else 0
    # Compressed transfer would make lengths and offsets mean something else.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and have:
            partial.unlink()
            response.close()
            return download(source, url, partial)
        _raise_for_status(response)
        if response.status_code != requests.codes.partial_content:
            have = 0
        total = have + int(response.headers.get("Content-Length", 0)) or source.n_bytes
        _announce(source, url, have, total)
        _require_room(partial, total - have)
        _remember_version(response, tag)
        _append(response, partial, have, total, source.name)
    if "Content-Length" in response.headers and partial.stat().st_size != total:
        msg = f"broke off after {partial.stat().st_size:,} of {total:,} bytes"
        raise requests.ConnectionError(msg)
    tag.unlink(missing_ok=True)
    return None


def _raise_for_status(response: Response) -> None:
    import requests

    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        passing = (requests.codes.request_timeout, requests.codes.too_many_requests)
        if response.status_code < 500 and response.status_code not in passing:
            raise RefusedError(str(error)) from error
        raise


def _announce(source: Source, url: str, have: int, total: int) -> None:
    size = f"{total / 1e6:,.1f} MB" if total else "size unknown"
    what = f"taking up the download of %s at {have / 1e6:,.1f} MB" if have else "downloading %s"
    logger.info(what + " (%s, licence: %s) from %s", source.name, size, source.licence, url)


def _require_room(partial: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if n_bytes > free:
        msg = (
            f"{partial.parent} has {free / 1e6:,.0f} MB left; {n_bytes / 1e6:,.0f} MB are needed. Make room, or set "
            "`sf.settings.cachedir` (SPECFORMER_CACHEDIR) to a folder on another disk."
        )
        raise OSError(msg)


def _remember_version(response: Response, tag: Path) -> None:
    version = response.headers.get("ETag", "")
    # A weak ETag does not promise the same bytes.
    version = response.headers.get("Last-Modified", "") if not version or version.startswith("W/") else version
    if version:
        tag.write_text(version, encoding="utf-8")
    else:
        tag.unlink(missing_ok=True)


def _append(response: Response, partial: Path, have: int, total: int, name: str) -> None:
    import requests
    from tqdm.auto import tqdm
    from urllib3.exceptions import HTTPError

    bar = tqdm(
        total=total or None, initial=have, unit="B", unit_scale=True, desc=name, disable=not settings.progress
    )  # fmt: skip
    with partial.open("ab" if have else "wb") as file, bar:
        try:
            for piece in response.raw.stream(_PIECE, decode_content=False):
                file.write(piece)
                bar.update(len(piece))
        except HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
