"""What the numbers of a matrix are: told from cheap statistics, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from specformer.ranking._row_summary import RowSummary, inspected_rows, summarise_rows

if TYPE_CHECKING:
    from specformer.ranking._types import Block

LOG_SCALES = ("log2p1", "log1p", "toil", "quantile_log2p1")
LINEAR_SCALES = ("counts", "cpm", "tpm", "linear", "quantile")
SCALES = (*LINEAR_SCALES, *LOG_SCALES, "zscore")

TOIL_FLOOR = np.log2(0.001)
_MAX_LOG = 32  # 2**32 reads of one gene: beyond any library
_MAX_SHARE_NEGATIVE = 0.05  # batch-corrected logs stay below 1 %, z-scores and centred logs lie around one half
_ROUND = 2e-3  # how far rounding to a few digits, and float32, may carry a total off its target


@dataclass(frozen=True)
class Scale:
    """What a matrix holds."""

    name: str
    """One of :data:`SCALES`."""
    evidence: dict[str, Any]
    """Why: a sentence under `"because"`, and the figures that it rests on."""

    @property
    def invertible(self) -> bool:
        """Whether linear expression can be had from it."""
        return self.name != "zscore"


def detect_scale(X: Block) -> Scale:
    """Tell counts, CPM, TPM, other linear values, logs and z-scores apart.

    ====================  =====================================================================================
    found                 because
    ====================  =====================================================================================
    `"counts"`            all values are integers
    `"toil"`              values are small and the smallest is log2(0.001): `log2(x + 0.001)`
    `"zscore"`            more than 5 % of values are negative: z-scores, or logs centred on each gene
    `"log1p"`             values are small; back from the natural logarithm, totals are a round number or all
                          the same, or values are integers
    `"log2p1"`            values are small, and nothing speaks for the natural logarithm: public bulk
                          expression is published in log2. Slightly negative values, as batch correction
                          leaves them, do not speak against it
    `"cpm"`, `"tpm"`      totals are one million, and values are multiples of one unit (one read) or not
    `"quantile"`,         all samples share the same sorted values; linear or log2
    `"quantile_log2p1"`
    `"linear"`            anything else: FPKM, RSEM expected or normalised counts, upper quartile
    ====================  =====================================================================================

    "Small" means a largest value of at most 32, which the most abundant gene exceeds in every linear unit; fractions of
    a total, which do not exceed 1, are linear.

    Parameters
    ----------
    X
        Samples x genes, finite; dense or CSR.

    Returns
    -------
    The scale. It depends neither on the order of samples nor on that of genes.

    Raises
    ------
    ValueError
        If there is no sample or no gene, or values are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.ranking import detect_scale
    >>> detect_scale(np.array([[3, 0, 12], [7, 1, 0]])).name
    'counts'
    """
    X = X.tocsr() if sparse.issparse(X) else np.asarray(X)
    if 0 in X.shape:
        msg = f"Found a matrix of shape {X.shape}; its scale shows only where there are samples and genes."
        raise ValueError(msg)
    summary = summarise_rows(X)
    if not (np.isfinite(summary.low).all() and np.isfinite(summary.high).all()):
        msg = "Found NaN or infinite values; replace them, or drop their samples, before asking for the scale."
        raise ValueError(msg)
    rows = X[inspected_rows(summary)]
    return decide_scale(summary, rows.toarray() if sparse.issparse(rows) else rows)


def decide_scale(summary: RowSummary, rows: np.ndarray, log_base: float | None = None) -> Scale:
    """The rules of :func:`detect_scale`, on the summary of all samples and a few of them in full.

    `log_base` is the base that a log was taken to, where that is on record.
    """
    rows = rows.astype(np.float64)
    n_values = rows.shape[1] * len(summary.low)
    share_negative = summary.n_negative.sum() / n_values
    evidence: dict[str, Any] = {
        "n_obs": len(summary.low),
        "min": _short(summary.low.min()),
        "max": _short(summary.high.max()),
        "share_negative": _short(share_negative),
        "median_total": _short(np.median(summary.total)),
        "integers": not summary.fractional.any(),
    }

    def found(name: str, because: str) -> Scale:
        if name in ("linear", "cpm", "tpm", "log2p1") and _share_sorted_values(rows):
            name = "quantile_log2p1" if name == "log2p1" else "quantile"
            because = "all samples share the same sorted values"
        return Scale(name, {"because": because, **evidence})

    if evidence["integers"]:
        return found("counts", "all values are integers")
    small = 1 < summary.high.max() <= _MAX_LOG
    if small and abs(summary.low.min() - TOIL_FLOOR) < 1e-3:
        return found("toil", "the smallest value is log2(0.001)")
    if share_negative > _MAX_SHARE_NEGATIVE:
        return found("zscore", f"{share_negative:.0%} of values are negative")
    if small:
        return found(*_log_base(rows, log_base))
    if _near(summary.total, 1e6).all():
        if _multiples_of_one_unit(rows):
            return found("cpm", "totals are one million, values are multiples of one unit")
        return found("tpm", "totals are one million, values are not multiples of one unit")
    return found("linear", "values are neither integers nor small, and totals are not one million")


def _log_base(rows: np.ndarray, on_record: float | None) -> tuple[str, str]:
    if on_record is not None:
        return (
            "log2p1" if on_record == 2 else "log1p"
        ), f"values are small; a logarithm to base {on_record:.4g} is on record"
    natural, binary = np.expm1(rows), np.exp2(rows) - 1
    round_natural, round_binary = (_all_round(values.sum(axis=1)) for values in (natural, binary))
    if round_natural and not round_binary:
        return "log1p", "values are small; totals of exp(x) - 1 are a power of ten"
    if len(rows) >= 3 and not round_binary and _constant(natural.sum(axis=1)) and not _constant(binary.sum(axis=1)):
        return "log1p", "values are small; totals of exp(x) - 1 are all the same"
    if _integers(natural) and not _integers(binary):
        return "log1p", "values are small; exp(x) - 1 are integers"
    return "log2p1", "values are small; nothing speaks for the natural logarithm"


def _all_round(totals: np.ndarray) -> bool:
    return any(_near(totals, target).all() for target in (1e4, 1e5, 1e6))


def _near(totals: np.ndarray, target: float) -> np.ndarray:
    return np.abs(totals / target - 1) < _ROUND


def _constant(totals: np.ndarray) -> bool:
    return bool(totals.std() < 1e-3 * totals.mean())


def _integers(values: np.ndarray) -> bool:
    low = values[(values > 0.5) & (values < 100)]
    return bool(low.size and (np.abs(low - np.rint(low)) < 0.01).mean() > 0.9)


def _multiples_of_one_unit(rows: np.ndarray) -> bool:
    """Whether most rows are whole multiples of something, their smallest non-zero value being 1 to 4 times that."""
    smallest = np.where(rows > 0, rows, np.inf).min(axis=1, keepdims=True)
    share = np.zeros(len(rows))
    for n_units in range(1, 5):
        multiples = rows / smallest * n_units
        low = (multiples > 0) & (multiples < 100)
        whole = low & (np.abs(multiples - np.rint(multiples)) < 0.01)
        share = np.maximum(share, whole.sum(axis=1) / np.maximum(low.sum(axis=1), 1))
    return bool(np.median(share) > 0.99)


def _share_sorted_values(rows: np.ndarray) -> bool:
    if len(rows) < 2 or (rows == rows[0]).all():
        return False
    ordered = np.sort(rows, axis=1)
    # Ties are averaged differently in different samples, so a few low values may differ.
    same = np.isclose(ordered, ordered[0], rtol=1e-3, atol=1e-6).mean(axis=1)
    return bool((same > 0.95).all())


def _short(value: float) -> float:
    return float(f"{value:.6g}")
