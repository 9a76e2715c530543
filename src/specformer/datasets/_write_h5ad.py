"""Writing a cohort back: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from specformer._atomic import atomic_file

if TYPE_CHECKING:
    from anndata import AnnData


def write_h5ad(adata: AnnData, path: str | Path, **options: Any) -> Path:
    """Write an `.h5ad` file, replacing the one that may be there only when all of the new one is on disk.

    `adata.write_h5ad` empties an old file before it writes: a full disk or a killed process then leaves neither. Here the
    new file is written beside the old one and takes its place in one step, so that both need room for an instant.

    Parameters
    ----------
    adata
        What to write. A backed object is backed by the new file afterwards.
    path
        Where to; may be the file that `adata` came from.
    **options
        Of :meth:`anndata.AnnData.write_h5ad`, such as `compression="gzip"`.

    Returns
    -------
    The path.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.specformer_embed(adata)  # doctest: +SKIP
    >>> sf.datasets.write_h5ad(adata, "cohort.h5ad")  # doctest: +SKIP
    """
    path = Path(path)
    before = adata.filename if adata.isbacked else None
    try:
        with atomic_file(path) as written:
            adata.write_h5ad(written, **options)
            if adata.isbacked:
                adata.file.close()
    except BaseException:
        if before is not None:
            adata.file.filename = before
        raise
    if before is not None and not adata.is_view:
        adata.file.filename = path
    return path
