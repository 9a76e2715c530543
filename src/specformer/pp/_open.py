"""A cohort on disk, opened without reading its expression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anndata import AnnData


def open_cohort(path: str | Path) -> AnnData:
    """An `.h5ad` file backed, a `.zarr` store lazily (all of it, where dask or zarr is not installed)."""
    import anndata as ad

    path = Path(path)
    if not path.exists():
        msg = f"There is no file {str(path)!r}."
        raise FileNotFoundError(msg)
    if path.suffix == ".h5ad":
        return ad.read_h5ad(path, backed="r")
    if path.suffix != ".zarr":
        msg = f"{str(path)!r} is neither an .h5ad file nor a .zarr store. Read it yourself and pass the AnnData."
        raise ValueError(msg)
    try:
        import zarr
        from anndata.experimental import read_elem_lazy
    except ImportError:
        return ad.io.read_zarr(path)
    group: Any = zarr.open_group(path, mode="r")
    names = group["layers"] if "layers" in group else ()
    layers = {name: read_elem_lazy(group["layers"][name]) for name in names}
    return AnnData(
        X=read_elem_lazy(group["X"]) if "X" in group else None,
        obs=ad.io.read_elem(group["obs"]),
        var=ad.io.read_elem(group["var"]),
        uns=ad.io.read_elem(group["uns"]) if "uns" in group else None,
        layers=layers,
    )
