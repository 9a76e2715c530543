"""Train the checkpoint that comes with the package, `specformer-mini`.

    python scripts/train_mini.py ../shared/data run

Reads the cohorts of `sf.bench.read_cohorts` (TCGA and GTEx, see there), keeps 80 % of the patients to train on and 5 %
to watch, and writes `run/model`. Killed at any moment, the same command goes on. `--objective masked_genes` trains the
published recipe on the same samples instead, for comparison.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import specformer as sf

if TYPE_CHECKING:
    from anndata import AnnData

# Dropout within attention costs more time on a CPU than the layers themselves.
CONFIG = {"preset": "mini", "attention_probs_dropout_prob": 0.0}
READS = (200_000, 20_000)

SUMMARY = """\
The checkpoint that comes with the package: a linear anchor (probabilistic PCA of within-sample ranks, 128 dimensions,
compared in a space learnt from pairs of schemes, of samples of one patient, and of neighbours) and a two-layer encoder
that corrects it where genes are few. What it is made of, and why, stands in the documentation under "The shipped
checkpoint"."""
LIMITS = """\
- For research. It has seen the cohorts above and no others: mostly TCGA tumours of 32 types with matched normals, and
  healthy tissue of five GTEx organs. Cell lines, blood, single cells, mouse and xenografts are outside of it.
- With all genes at hand the vector is its linear part; the encoder adds where genes are few.
- A tumour and the normal tissue beside it were brought closer on purpose: the vector says more of the tissue than of
  how much tumour is in it.
- Colon and rectum are told apart by pipeline as much as by organ in these data.
- Figures on held-out patients, beside the linear baselines, stand in the documentation under "Evidence"."""
CARD = {"name": "specformer-mini", "summary": SUMMARY, "Limits": LIMITS}


def main() -> None:
    """Read, thin, train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the cohorts")
    parser.add_argument("out", type=Path, help="folder of the run")
    parser.add_argument("--objective", choices=("whole_profile", "masked_genes"), default="whole_profile")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=48)
    args = parser.parse_args()

    cohorts = sf.bench.read_cohorts(args.data)
    wide, panel = cohorts["wide"], cohorts["panel"]
    table = sf.genes.build_gene_table(
        list(wide.var_names),
        annotation=args.data / "genes" / "ensembl_grch38.csv.gz",
        aliases=args.data / "genes" / "hgnc_alias_table.csv.gz",
    )
    weighting = "median" if args.objective == "whole_profile" else "tfidf"
    # The widest cohort says what a gene weighs and where it stands; the others are read in its terms.
    vocabulary = sf.train.build_vocabulary(
        wide, weighting=weighting, mask_obs=cohorts.part("wide", "train"), table=table
    )
    schemes = [cohorts[name] for name in ("wide", "panel", "htseq", "rsem", "expected_count", "fpkm")]
    options = {}
    if args.objective == "whole_profile":
        options = {"pairs": [(2, 3), (4, 5)], "same_patient": True, "min_genes": 16}
        schemes += thinned_copies([wide, panel])
    sf.train.pretrain(
        schemes,
        CONFIG,
        output_dir=args.out,
        objective=args.objective,
        objective_options=options,
        vocabulary=vocabulary,
        weights_dtype=torch.float16,
        args={
            "max_steps": args.steps,
            "per_device_train_batch_size": args.batch,
            "per_device_eval_batch_size": args.batch,
            "learning_rate": 1e-3,
            "bf16": True,
            "eval_steps": 500,
            "save_steps": 500,
        },
        card=CARD if args.objective == "whole_profile" else {"name": "specformer-mini, published recipe"},
    )


def thinned_copies(adatas: list[AnnData]) -> list[AnnData]:
    """Each cohort at each depth: the same samples with few reads."""
    rng = np.random.default_rng(0)
    return [sf.pp.thin(adata, reads, rng=rng, copy=True) for adata in adatas for reads in READS]


if __name__ == "__main__":
    main()
