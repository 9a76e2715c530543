"""What an uploaded cohort is, before anything is computed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from specformer._checks import shown
from specformer.model._registry import locate
from specformer.pp._scan import require_linear, scan
from specformer.tl._trust import doubt, expected_cosine

if TYPE_CHECKING:
    from anndata import AnnData

MUCH = 0.9


class Description(NamedTuple):
    """What was found out about a cohort."""

    n_samples: int
    n_genes: int
    scale: str
    """As :func:`specformer.pp.detect_scale` names it."""
    because: str
    """Why it was taken for that."""
    routes: dict[str, int]
    """How many names were recognised in which way."""
    n_known: int
    """Genes of the checkpoint that are at hand."""
    n_vocabulary: int
    trust: tuple[float, float] | None
    """Cosine to the vector from all genes that random gene sets of this size reach: mean, and 5th percentile."""
    warnings: list[str]

    @property
    def coverage(self) -> float:
        """The share of the checkpoint's genes that are at hand."""
        return self.n_known / self.n_vocabulary


def describe(adata: AnnData) -> Description:
    """Tell the unit of a cohort, which genes it has, and how far a vector made from them can be trusted.

    Parameters
    ----------
    adata
        Samples x genes. Only read.

    Returns
    -------
    The findings, with a warning for each thing that deserves one.

    Raises
    ------
    ValueError
        If the cohort cannot be embedded: no human genes, z-scores, missing or impossible values. The message says why.

    Examples
    --------
    >>> import specformer as sf
    >>> from specformer.serve import describe
    >>> describe(sf.datasets.simulated_cohort(5)).scale
    'counts'
    """
    from specformer.genes import match_genes, shipped_vocabulary

    vocabulary = shipped_vocabulary()
    if vocabulary is None:
        msg = "This build of specformer comes without a checkpoint."
        raise FileNotFoundError(msg)
    match = match_genes(list(adata.var_names), vocabulary)
    scale = scan(adata, None)
    require_linear(scale, None)
    trust = expected_cosine(locate(), match.coverage)
    warnings = [warning] if (warning := doubt(trust, match.coverage)) else []
    n_unmatched = match.counts["unmatched"]
    # A whole-genome annotation has many more genes than the checkpoint knows: nothing is wrong with that.
    if n_unmatched > len(match.index) / 2 and match.coverage < MUCH:
        names = [name for found in match.unmatched.values() for name in found]
        warnings.append(
            f"{n_unmatched:,} of {len(match.index):,} names are no genes that the checkpoint knows: {shown(names, 3)}."
        )
    return Description(
        n_samples=adata.n_obs,
        n_genes=adata.n_vars,
        scale=scale.name,
        because=str(scale.evidence["because"]),
        routes=match.counts,
        n_known=len(match.genes),
        n_vocabulary=match.n_vocabulary,
        trust=trust,
        warnings=warnings,
    )
