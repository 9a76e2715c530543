"""The object that results are written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._interrupts import undivided

if TYPE_CHECKING:
    from anndata import AnnData


def target_of(adata: AnnData, *, copy: bool) -> AnnData:
    """A copy if one was asked for, else `adata` itself; a view is made an object of its own before it is written to."""
    if copy:
        return adata.copy()
    if adata.is_view:
        whole = adata.copy()
        with undivided():
            adata._init_as_actual(whole)
    return adata
