"""What an embedding says of itself: whose weights, which genes, what scale, and who had been seen before."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from specformer.genes import GeneMatch
    from specformer.model import Pretrained
    from specformer.ranking import Scale


def provenance(
    adata: AnnData,
    pretrained: Pretrained,
    match: GeneMatch,
    scale: Scale,
    trust: tuple[float, float] | None,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that is needed to make the embedding again, in types that an `.h5ad` file can hold."""
    from specformer.model import seen_in_pretraining

    genes: dict[str, Any] = {
        "routes": match.counts,
        "collapsed": match.n_collapsed,
        "n_at_hand": len(match.genes),
        "n_vocabulary": match.n_vocabulary,
        "coverage": match.coverage,
    }
    if trust:
        genes["expected_cosine"], genes["expected_cosine_low"] = trust
    return {
        "params": dict(params),
        "checkpoint": {
            "name": pretrained.path.name,
            "sha256": pretrained.sha256,
            "weighting": pretrained.config.weighting,
            "specformer_version": version("specformer"),
            "torch_version": version("torch"),
        },
        "genes": genes,
        "scale": {"name": scale.name, **scale.evidence},
        "seen_in_pretraining": int(seen_in_pretraining(pretrained.path, adata.obs_names).sum()),
    }


def summary(note: Mapping[str, Any]) -> list[str]:
    """The lines of the log."""
    genes, routes = note["genes"], note["genes"]["routes"]
    by_route = ", ".join(f"{n:,} by {route}" for route, n in routes.items() if n and route != "unmatched")
    lines = [
        f"genes: {by_route}; {routes['unmatched']:,} unmatched, {genes['collapsed']:,} collapsed; "
        f"{genes['coverage']:.1%} of the checkpoint's {genes['n_vocabulary']:,}",
        f"scale: {note['scale']['name']}",
    ]
    if seen := note["seen_in_pretraining"]:
        lines.append(f"{seen:,} of the samples were seen in pretraining, by name")
    return lines
