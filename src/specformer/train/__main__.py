"""Pretrain from the command line: ``specformer-pretrain cohort.h5ad --output-dir run``.

On several devices: ``torchrun --nproc-per-node 4 -m specformer.train cohort.h5ad --output-dir run``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and pretrain."""
    parser = _parser()
    ours, rest = parser.parse_known_args(arguments)
    args = training_flags(rest)
    from specformer.train import pretrain

    config = {"preset": ours.config, **dict(map(_setting, ours.set))}
    options = dict(map(_setting, ours.objective_option))
    try:
        pretrain(
            ours.data,
            config,
            output_dir=ours.output_dir,
            args=args,
            objective=ours.objective,
            objective_options=options,
            weighting=ours.weighting,
            schemes=ours.schemes,
            lengths=ours.lengths,
            validation=ours.validation,
            layer=ours.layer,
            gene_key=ours.gene_key,
            cache=ours.cache,
            resume=ours.resume,
        )
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        sys.exit(f"error: {error.args[0] if error.args else error}")


def training_flags(arguments: list[str]) -> dict[str, Any]:
    """The fields of `TrainingArguments` among the flags, those that were given and no others."""
    from transformers import HfArgumentParser, TrainingArguments

    fields: Any = TrainingArguments
    parser = HfArgumentParser(fields, prog="specformer-pretrain", usage="see specformer-pretrain --help")
    for action in parser._actions:
        action.default, action.required = argparse.SUPPRESS, False
    return vars(parser.parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="specformer-pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Every field of transformers' TrainingArguments is a flag too: --max_steps 10000 --bf16 true "
        "--per_device_train_batch_size 64. Killed at any moment, the same command goes on.",
        # `--per` must not be read as a flag of ours.
        allow_abbrev=False,
    )
    parser.add_argument("data", nargs="+", type=Path, help=".h5ad files or .zarr stores, of any genes and units")
    parser.add_argument("--output-dir", "--output_dir", required=True, type=Path, help="folder of the run")
    parser.add_argument("--config", default="mini", help="size of the model (default: mini)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a field of the model's config"
    )
    parser.add_argument("--objective", default="masked_genes")
    parser.add_argument("--objective-option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--weighting", help="what orders genes; by default the config's")
    parser.add_argument("--schemes", nargs="+", help="also see each sample as cpm, tpm, fpkm, uq ...")
    parser.add_argument("--lengths", help="column of var with the bases of each gene")
    parser.add_argument("--validation", type=float, default=0.05, help="share of patients, where obs has no split")
    parser.add_argument("--layer", help="read this layer instead of X")
    parser.add_argument("--gene-key", help="column of var with gene names, instead of var_names")
    parser.add_argument("--cache", type=Path, help="folder to keep ranks in")
    parser.add_argument("--resume", default="auto", choices=("auto", "never"))
    return parser


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        sys.exit(f"error: {text!r} is no setting; expected NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    main()
