"""Benchmark a checkpoint: ``python -m specformer.bench --data DIR --out DIR [--model NAME] [--also NAME=DIRECTORY]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from specformer._atomic import atomic_file
from specformer._checks import shown
from specformer._logging import logger
from specformer.bench._checkpoints import checkpoint_embedder, checkpoint_embedders, held_out_seen
from specformer.bench._cohorts import read_cohorts
from specformer.bench._linear import LINEAR_REFERENCES, RANK_LAYER
from specformer.bench._run import AXES, run
from specformer.bench._table import markdown
from specformer.bench._trained import trained_embedders

# Ranks as features need all genes; two models attend among thousands of tokens of every sample, which takes a CPU minutes.
FEW_AXES = {
    RANK_LAYER: ("tumour type", "few labels", "survival"),
    "binned masked model": ("tumour type", "few labels", "missing genes"),
    "truncated window": ("tumour type", "few labels", "missing genes"),
}


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, measure, and write `bench.csv`, `bench.md` and `bench.png`."""
    parser = argparse.ArgumentParser(prog="python -m specformer.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the cohorts")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder to write to")
    parser.add_argument("--model", default=None, help="checkpoint: a name or a directory; the shipped one by default")
    parser.add_argument("--also", nargs="*", default=[], metavar="NAME=DIRECTORY", help="further checkpoints")
    parser.add_argument("--axes", nargs="*", default=None, choices=list(AXES), help="axes to measure; all by default")
    parser.add_argument(
        "--held-out",
        default="test",
        choices=("test", "val"),
        help="patients to ask: test, or validation, which is what checkpoints are to be chosen on",
    )
    parser.add_argument("--n-boot", type=int, default=1000, help="draws of patients")
    parser.add_argument("--linear-only", action="store_true", help="the classical references alone, without torch")
    parser.add_argument(
        "--trained",
        nargs="?",
        type=float,
        const=10.0,
        metavar="MINUTES",
        help="also VAE, GAN and masked models, each trained for so many minutes (10) on the training patients of the wide "
        "cohort and kept in the cache",
    )
    args = parser.parse_args(arguments)

    try:
        cohorts = read_cohorts(args.data).asking(args.held_out)
        embedders = {} if args.linear_only else checkpoint_embedders(args.model)
        checkpoints = [] if args.linear_only else [args.model]
        for entry in args.also:
            name, _, directory = entry.partition("=")
            embedders[name] = checkpoint_embedder(Path(directory))
            checkpoints.append(Path(directory))
        for checkpoint in checkpoints:
            if seen := held_out_seen(checkpoint, cohorts):
                logger.warning("%s was pretrained on held-out samples: %s", checkpoint or "the default", shown(seen))
        trained = {} if args.trained is None else trained_embedders(cohorts, minutes=args.trained)
        results = run(
            {**embedders, **LINEAR_REFERENCES, **trained},
            cohorts,
            axes=args.axes,
            only={name: axes for name, axes in FEW_AXES.items() if name in {*LINEAR_REFERENCES, *trained}},
            reference="rank-PPCA + WCCN",
            n_boot=args.n_boot,
        )
    except (FileNotFoundError, KeyError, ValueError) as error:
        sys.exit(f"error: {error.args[0]}")

    import matplotlib as mpl

    mpl.use("agg")
    from specformer import pl

    args.out.mkdir(parents=True, exist_ok=True)
    with atomic_file(args.out / "bench.csv") as written:
        results.to_csv(written, index=False)
    (args.out / "bench.md").write_text(markdown(results), encoding="utf-8")
    pl.bench(results).savefig(args.out / "bench.png", dpi=150)
    print(f"Wrote {args.out / 'bench.csv'}, bench.md and bench.png: {len(results):,} figures.")


if __name__ == "__main__":
    main()
