"""Embed a cohort, cluster it, draw it: ``python -m specformer.demo [my.h5ad] [--color cancer_type] [--out demo]``.

Everything below goes through the public functions, in the order in which a user would call them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from specformer._atomic import atomic_file

if TYPE_CHECKING:
    from anndata import AnnData


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and run the demonstration."""
    parser = argparse.ArgumentParser(prog="python -m specformer.demo", description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help=".h5ad of a bulk cohort; without it, a simulated one")
    parser.add_argument("--color", default="", help="column of obs to colour by and to score against")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder to write to")
    args = parser.parse_args(arguments)
    try:
        run(args.data, color=args.color, out=args.out)
    except (KeyError, ValueError) as error:
        sys.exit(f"error: {error.args[0]}")
    except OSError as error:
        sys.exit(f"error: {error}")


def run(data: Path | None, *, color: str, out: Path) -> AnnData:
    """Embed `data`, or a simulated cohort, and write the picture, the embedded file and the figures of merit."""
    adata = read(data)
    color = check_color(adata, color or ("" if data else "cancer_type"))

    import scanpy as sc

    import specformer as sf

    start = perf_counter()
    sf.tl.specformer_embed(adata)
    seconds = perf_counter() - start

    sc.pp.neighbors(adata, use_rep="X_specformer", metric="cosine")
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False, random_state=0)
    sc.tl.umap(adata, random_state=0)

    out.mkdir(parents=True, exist_ok=True)
    draw(adata, [*([color] if color else []), "leiden"], out / "umap.png")
    sf.datasets.write_h5ad(adata, out / "embedded.h5ad")

    lines = {
        "samples x dimensions": f"{adata.n_obs:,} x {adata.obsm['X_specformer'].shape[1]}",
        "vocabulary covered": f"{adata.uns['specformer']['genes']['coverage']:.1%}",
        "embedding": f"{seconds:.1f} s, {adata.n_obs / seconds:.1f} samples per second",
        "leiden clusters": f"{adata.obs['leiden'].nunique()}",
    }
    if color:
        lines |= {name: f"{value:.3f}" for name, value in figures_of_merit(adata, color).items()}
    print()
    for name, value in lines.items():
        print(f"{name:<{max(map(len, lines)) + 2}}{value}")
    if data is None:
        print("The cohort was simulated around real mean profiles: these figures say that the package runs, not more.")
    print(f"\nWrote {out / 'umap.png'}\n      {out / 'embedded.h5ad'} (obsm['X_specformer'], obs['leiden'])")
    return adata


def read(data: Path | None) -> AnnData:
    """The user's cohort, or a simulated one."""
    import anndata as ad

    import specformer as sf

    if data is None:
        print("No DATA given: drawing a simulated cohort (sf.datasets.simulated_cohort).")
        return sf.datasets.simulated_cohort()
    if not data.is_file():
        msg = f"there is no file {data} (DATA is read relative to {Path.cwd()})."
        raise FileNotFoundError(msg)
    return ad.read_h5ad(data)


def check_color(adata: AnnData, color: str) -> str:
    """`color`, if obs has it; an error that lists what there is otherwise."""
    if color and color not in adata.obs:
        msg = f"COLOR={color} is not a column of obs. There are: {', '.join(map(str, adata.obs.columns)) or 'none'}."
        raise KeyError(msg)
    return color


def draw(adata: AnnData, colors: list[str], path: Path) -> None:
    """UMAP, one panel per colour."""
    import matplotlib as mpl

    mpl.use("Agg")
    import scanpy as sc
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(colors), figsize=(7 * len(colors), 6), squeeze=False, layout="constrained")
    for ax, color in zip(axes[0], colors, strict=True):
        sc.pl.umap(adata, color=color, ax=ax, show=False, frameon=False, title=color)
    with atomic_file(path) as written:
        figure.savefig(written, dpi=150)
    plt.close(figure)


def figures_of_merit(adata: AnnData, color: str) -> dict[str, float]:
    """How well the embedding and its clusters agree with a column of obs, over the samples that have a label."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    import specformer as sf

    known = adata.obs[color].notna().to_numpy()
    embedding, label = adata.obsm["X_specformer"][known], adata.obs[color][known].astype(str).to_numpy()
    if not 1 < len(set(label)) < len(label):
        return {}
    # A patient's second sample is no proof of anything, where we know whose it is.
    patients = adata.obs["patient"][known].to_numpy() if "patient" in adata.obs else None
    return {
        f"nearest shares {color}": float(sf.metrics.precision_at_k(embedding, label, patients=patients).mean()),
        f"silhouette by {color}": float(silhouette_score(embedding, label, metric="cosine")),
        f"ARI of leiden and {color}": float(adjusted_rand_score(label, adata.obs["leiden"][known])),
    }


if __name__ == "__main__":
    main()
