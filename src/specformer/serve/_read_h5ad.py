"""An `.h5ad` file from somewhere: its layout is looked at before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
from scipy import sparse

from specformer._checks import shown

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData


def read_h5ad(path: Path, max_bytes: int) -> AnnData:
    """Read the file into memory, unless it is no AnnData, points elsewhere, or unpacks to more than `max_bytes`."""
    import anndata as ad

    try:
        with h5py.File(path, "r") as file:
            _look(file, max_bytes)
        adata = ad.read_h5ad(path)
    except (AttributeError, KeyError, NotImplementedError, OSError, RecursionError, RuntimeError, TypeError) as error:
        msg = f"The file cannot be read as .h5ad; it is damaged or not written by anndata. ({_first_line(error)})"
        raise ValueError(msg) from error
    matrices = {"X": adata.X, **{f"layers[{name!r}]": matrix for name, matrix in adata.layers.items()}}
    for name, matrix in matrices.items():
        _check_sparse(name, matrix)
    if adata.X is None:
        msg = (
            f"The file holds no X. Copy the layer with expression to X first. Layers: {shown(adata.layers) or 'none'}."
        )
        raise ValueError(msg)
    if not isinstance(adata.X, np.ndarray | sparse.spmatrix | sparse.sparray) or adata.X.dtype.kind not in "buif":
        msg = f"X holds {getattr(adata.X, 'dtype', type(adata.X).__name__)}, not numbers."
        raise ValueError(msg)
    return adata


def _look(file: h5py.File, max_bytes: int) -> None:
    if missing := {"X", "obs", "var"} - set(file):
        msg = (
            f"This HDF5 file has not the layout of AnnData: {', '.join(sorted(missing))} missing, found {shown(file)}. "
            "Read it with the software that wrote it and save it with `adata.write_h5ad`."
        )
        raise ValueError(msg)
    n_bytes, elsewhere = 0, []

    def look(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> None:
        nonlocal n_bytes
        if not isinstance(link, h5py.HardLink):
            elsewhere.append(name)
            return
        item = file[name]
        if isinstance(item, h5py.Dataset):
            n_bytes += item.size * item.dtype.itemsize if item.size else 0
            if item.external or item.is_virtual:
                elsewhere.append(name)

    file.visititems_links(look)
    if elsewhere:
        msg = f"The file points to data elsewhere ({shown(elsewhere)}), which is not followed. Save it as a whole."
        raise ValueError(msg)
    if n_bytes > max_bytes:
        msg = f"Unpacked the file has {n_bytes / 1e9:,.1f} GB; at most {max_bytes / 1e9:,.1f} GB are taken here."
        raise ValueError(msg)


def _check_sparse(name: str, matrix: object) -> None:
    # Indices that point outside the matrix would be followed by compiled code.
    if sparse.issparse(matrix):
        try:
            matrix.check_format(full_check=True)  # type: ignore[attr-defined]
        except ValueError as error:
            msg = f"The sparse matrix in {name} is damaged: {_first_line(error)}"
            raise ValueError(msg) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
