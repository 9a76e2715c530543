"""Normalisation schemes: one cohort in every unit that public expression comes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from specformer._checks import require_one_of
from specformer.ranking._sums import dense_slices

if TYPE_CHECKING:
    from specformer.ranking._types import Block

_UNITS = ("cpm", "tpm", "fpkm", "uq")
SCHEMES = (*_UNITS, *(f"log2{unit}" for unit in _UNITS), *(f"log2{unit}0.001" for unit in _UNITS))
_SCHEME = re.compile(r"(?P<log>log2)?(?P<unit>[a-z]+)(?P<added>0\.001)?")


class Scheme(NamedTuple):
    """A scheme, taken apart."""

    unit: str
    """`"cpm"`, `"tpm"`, `"fpkm"` or `"uq"`."""
    added: float | None
    """What is added before the logarithm to base 2; None for linear values."""

    @property
    def needs_lengths(self) -> bool:
        """Whether values are per base of transcript."""
        return self.unit in ("tpm", "fpkm")


def parse_scheme(scheme: str) -> Scheme:
    """Take the name of a scheme apart; one of :data:`SCHEMES`."""
    require_one_of("scheme", scheme, SCHEMES)
    parts = _SCHEME.fullmatch(scheme)
    if parts is None or parts["log"] is None:
        return Scheme(scheme, None)
    return Scheme(parts["unit"], 0.001 if parts["added"] else 1.0)


def normalise_rows(X: Block, scheme: str, lengths: np.ndarray | None = None) -> Block:
    """Bring counts, or anything proportional to the counts of a sample, to a scheme.

    =========  ======================================================================
    unit       value of gene g with x_g reads and l_g bases
    =========  ======================================================================
    `"cpm"`    10^6 x_g / sum(x)
    `"fpkm"`   10^9 x_g / (l_g sum(x))
    `"tpm"`    10^6 (x_g / l_g) / sum(x / l)
    `"uq"`     1000 x_g / upper quartile of x over the genes above zero
    =========  ======================================================================

    Parameters
    ----------
    X
        Samples x genes, >= 0, no sample without expression; dense or CSR.
    scheme
        A unit; `"log2"` and a unit for log2(value + 1); with `"0.001"` at the end for log2(value + 0.001).
    lengths
        Bases of each gene; needed for `"tpm"` and `"fpkm"`.

    Returns
    -------
    float32; CSR for CSR, except for log2(value + 0.001), where zeros are not zero.
    """
    unit, added = parse_scheme(scheme)
    pieces = []
    for _, piece in dense_slices(X):
        values = _in_unit(piece.astype(np.float64), unit, lengths)
        values = values if added is None else np.log2(values + added)
        pieces.append(values.astype(np.float32))
    if sparse.issparse(X) and added != 0.001:
        return sparse.vstack([sparse.csr_matrix(piece) for piece in pieces], format="csr")
    return np.concatenate(pieces)


def _in_unit(x: np.ndarray, unit: str, lengths: np.ndarray | None) -> np.ndarray:
    if unit == "uq":
        upper = [np.quantile(row[row > 0], 0.75) for row in x]
        return 1e3 * x / np.array(upper)[:, None]
    if unit == "cpm":
        return 1e6 * x / x.sum(axis=1, keepdims=True)
    if lengths is None:
        msg = f"{unit!r} needs the length of every gene in bases."
        raise ValueError(msg)
    per_base = x / lengths
    depth = x.sum(axis=1, keepdims=True) / 1e3 if unit == "fpkm" else per_base.sum(axis=1, keepdims=True)
    return 1e6 * per_base / depth
