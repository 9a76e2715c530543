"""A table of genes x samples becomes a file of samples x genes, in one pass and bounded memory."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer._atomic import atomic_file
from specformer._checks import shown
from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N_GENES = 512
"""Genes held at a time: peak memory is 3 x 4 bytes x `N_GENES` x samples above what is loaded anyway."""
_N_ROWS = 256
# Values are published with four decimals: below this share of the offset, what a logarithm leaves is rounding.
_ROUNDING = 5e-5
_MISSING = ["NA", "NaN", "nan", ""]


def convert_matrix(path: Path, target: Path, *, offset: float | None = None, uns: dict[str, Any] | None = None) -> int:
    """Turn a tab-separated table of genes x samples into an `.h5ad` file of samples x genes.

    The file is read once, line by line; `N_GENES` genes at a time are turned over and written as whole compressed
    chunks, so that nothing is written twice and memory depends on the number of samples alone.

    Parameters
    ----------
    path
        The table: sample names in the first line, a gene name at the head of each other one; may be gzipped.
    target
        Where the `.h5ad` goes. It appears when it is complete.
    offset
        Values are log2(x + offset): x is stored. Zeros become zero again, and what is below them too.
    uns
        What to keep in `uns`.

    Returns
    -------
    How many genes were left out because a sample has no value of them.

    Raises
    ------
    ValueError
        If the file is damaged, empty, not of this form, or names a sample twice.
    """
    import h5py
    from anndata.io import write_elem

    with atomic_file(target) as partial, _readable(path) as lines, h5py.File(partial, "w") as file:
        samples = _header(lines, path)
        chunks = (min(len(samples), _N_ROWS), N_GENES)
        X = file.create_dataset(
            "X", (len(samples), 0), np.float32, maxshape=(len(samples), None), chunks=chunks, compression="gzip",
            compression_opts=1, shuffle=True,
        )  # fmt: skip
        genes: list[str] = []
        n_missing = 0
        for names, block in _blocks(lines, len(samples), path):
            complete = np.isfinite(block).all(axis=1)
            n_missing += int((~complete).sum())
            values = block if complete.all() else block[complete]
            if offset is not None:
                _undo_log2(values, offset)
            genes += [name for name, whole in zip(names, complete, strict=True) if whole]
            X.resize(len(genes), axis=1)
            X[:, len(genes) - len(values) :] = values.T
        if not genes:
            msg = f"{path} holds no gene that all samples have a value of."
            raise ValueError(msg)
        X.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        write_elem(file, "obs", pd.DataFrame(index=pd.Index(samples)))
        write_elem(file, "var", pd.DataFrame(index=pd.Index(genes)))
        write_elem(file, "uns", {} if uns is None else uns)
        for slot in ("layers", "obsm", "varm", "obsp", "varp"):
            write_elem(file, slot, {})
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    return n_missing


@contextmanager
def _readable(path: Path) -> Iterator[io.BufferedReader]:
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain: Any = gzip.GzipFile(fileobj=raw) if zipped else raw
        try:
            yield io.BufferedReader(plain, 1 << 20)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = f"{path} is damaged ({error}). Delete it and call again, which downloads it anew."
            raise ValueError(msg) from error


def _header(lines: io.BufferedReader, path: Path) -> list[str]:
    samples = lines.readline().decode().rstrip("\r\n").split("\t")[1:]
    if not samples:
        msg = f"{path} does not begin with a line of sample names divided by tabs."
        raise ValueError(msg)
    names = pd.Index(samples)
    if not names.is_unique:
        msg = f"{path} names samples twice: {shown(names[names.duplicated()])}."
        raise ValueError(msg)
    return samples


def _blocks(lines: io.BufferedReader, n_samples: int, path: Path) -> Iterator[tuple[list[str], np.ndarray]]:
    from tqdm.auto import tqdm

    block = np.empty((N_GENES, n_samples), np.float32)
    names: list[str] = []
    with tqdm(desc=path.name, unit=" genes", disable=not settings.progress) as bar:
        for number, line in enumerate(lines, 2):
            name, _, text = line.partition(b"\t")
            block[len(names)] = _parse(text, n_samples, f"line {number:,} of {path}")
            names.append(name.decode().strip().strip('"'))
            bar.update()
            if len(names) == N_GENES:
                yield names, block
                names = []
        if names:
            yield names, block[: len(names)]


def _parse(text: bytes, n_samples: int, where: str) -> np.ndarray:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        try:
            # Several times as fast as what can read missing values; stops at the first.
            values = np.fromstring(text, dtype=np.float32, sep="\t")
        except ValueError:
            values = np.empty(0, np.float32)
    if len(values) == n_samples:
        return values
    fields = pd.Series(text.decode().rstrip("\r\n").split("\t"))
    numbers = pd.to_numeric(fields, errors="coerce")
    odd = numbers.isna() & ~fields.isin(_MISSING)
    if len(fields) != n_samples or odd.any():
        what = f"{len(fields):,} values" if len(fields) != n_samples else shown(fields[odd])
        msg = f"Found {what} in {where}; expected {n_samples:,} numbers."
        raise ValueError(msg)
    return numbers.to_numpy(np.float32)


def _undo_log2(values: np.ndarray, offset: float) -> None:
    np.exp2(values, out=values)
    values -= np.float32(offset)
    values[values < _ROUNDING * offset] = 0
