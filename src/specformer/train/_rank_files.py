"""Ranks in a folder: named by a hash of all that decides them, there when they are whole, used again while they fit."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer._atomic import atomic_file
from specformer.ranking._order import rank_dtype

if TYPE_CHECKING:
    from pathlib import Path

    from specformer.ranking._types import Block
    from specformer.train._aligned import AlignedCohort


def digest_of(cohort: AlignedCohort, fingerprint: str) -> str:
    """SHA-256 of what decides the ranks of a cohort: statistics, genes, samples, scheme, and the values themselves."""
    digest = sha256()
    for text in (fingerprint, cohort.scheme or "", cohort.unit, "\0".join(cohort.samples)):
        digest.update(text.encode() + b"\x1e")
    for numbers in (cohort.alignment.genes, cohort.alignment.target, cohort.lengths):
        if numbers is not None:
            digest.update(np.ascontiguousarray(numbers).tobytes())
    for block in cohort.raw_blocks():
        for values in _values(block):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def ranks_in(file: Path, digest: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """The ranks and counts that are on disk, if they are those and whole."""
    try:
        note = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        ranks = np.load(file, mmap_mode="r")
    except (OSError, ValueError):
        return None
    if note.get("sha256") != digest or ranks.shape != shape:
        return None
    return ranks, np.asarray(note["n_expressed"], np.int32)


class NewRanks:
    """Ranks that are being made: in memory, or in a file that gets its name when all of them are there."""

    def __init__(self, file: Path | None, shape: tuple[int, int]) -> None:
        self.file = file
        self.n_expressed = np.empty(shape[0], np.int32)
        dtype = rank_dtype(shape[1])
        if file is None:
            self.ranks = np.empty(shape, dtype)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.partial = file.with_name(f".{file.name}.{os.getpid()}")
            try:
                self.ranks = np.lib.format.open_memmap(self.partial, mode="w+", dtype=dtype, shape=shape)
                _reserve(self.partial)
            except OSError as error:
                self.discard()
                n_bytes = shape[0] * shape[1] * np.dtype(dtype).itemsize
                msg = (
                    f"No room for the ranks of {shape[0]:,} samples ({n_bytes / 1e6:,.0f} MB) in {file.parent}: {error}"
                )
                raise OSError(error.errno, msg) from None

    def discard(self) -> None:
        """Leave nothing of them on disk."""
        if self.file is not None:
            self.partial.unlink(missing_ok=True)

    def keep(self, digest: str) -> tuple[np.ndarray, np.ndarray]:
        """Ranks and counts; on disk, the note that says whose they are comes before the ranks."""
        if self.file is None:
            return self.ranks, self.n_expressed
        self.ranks.flush()  # type: ignore[attr-defined]
        note = {"sha256": digest, "n_expressed": self.n_expressed.tolist()}
        with atomic_file(self.file.with_suffix(".json")) as partial:
            partial.write_text(json.dumps(note), encoding="utf-8")
        self.partial.replace(self.file)
        return np.load(self.file, mmap_mode="r"), self.n_expressed


def _reserve(path: Path) -> None:
    """Take room on the disk now: a memory map on a full one would end the process with a bus error later."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _values(block: Block) -> tuple[np.ndarray, ...]:
    return (block.data, block.indices, block.indptr) if sparse.issparse(block) else (block,)
