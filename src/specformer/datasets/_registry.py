"""Public files the package knows: where they are, what they weigh, and by which hash they are recognised."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Source:
    """One public file: a row of `sources.csv`.

    Parameters
    ----------
    name
        File name in the cache.
    url
        Where it is published, at an address whose content is not meant to change.
    licence
        Terms under which it is published.
    n_bytes
        Its size, as far as it is known beforehand; 0 if not. What the server says counts.
    units
        What its values are, after a logarithm is undone.
    offset
        Values are published as log2(x + offset); None if they are not a logarithm.
    ids
        What its rows are named by.
    sha256
        Its hash. Where it is not known, the hash of the first download is written down in the cache and enforced
        from then on.
    """

    name: str
    url: str
    licence: str
    n_bytes: int = 0
    units: str = ""
    offset: float | None = None
    ids: str = ""
    sha256: str | None = None


def _read_sources() -> dict[str, Source]:
    table = files("specformer").joinpath("datasets", "sources.csv").read_text(encoding="utf-8")
    return {
        row.pop("key"): Source(
            name=row["name"], url=row["url"], licence=row["licence"], n_bytes=int(row["n_bytes"] or 0),
            units=row["units"], offset=float(row["offset"]) if row["offset"] else None, ids=row["ids"],
            sha256=row["sha256"] or None,
        )
        for row in csv.DictReader(table.splitlines())
    }  # fmt: skip


SOURCES = _read_sources()
