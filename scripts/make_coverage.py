"""Make `coverage.csv`: how the trust in a checkpoint's vectors falls with the share of its genes that are at hand.

    python scripts/make_coverage.py ../shared/data src/specformer/checkpoints/specformer-mini

Measured on samples of the wide cohort that the checkpoint was not trained on; `sf.tl.specformer_embed` warns from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import specformer as sf


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("checkpoint", type=Path, help="checkpoint directory that coverage.csv is written to")
    args = parser.parse_args()
    cohorts = sf.bench.read_cohorts(args.data)
    held_out = cohorts["wide"][~cohorts.part("wide", "train")]
    curve = sf.bench.coverage_curve(held_out, args.checkpoint, n_obs=60)
    curve.to_csv(args.checkpoint / "coverage.csv", index=False, float_format="%.5g")
    print(curve.to_string(index=False))


if __name__ == "__main__":
    main()
