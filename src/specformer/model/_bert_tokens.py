"""What the tokens of a model of other makers are: its special ones, and its genes in this package's order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from specformer._checks import shown
from specformer._logging import logger
from specformer.genes import CLS, MASK, PAD, SPECIAL_TOKENS, GeneVocabulary, match_genes
from specformer.genes._identifiers import ENSEMBL

Tokens = Sequence[str] | Mapping[str, int] | str | Path


class GeneTokens(NamedTuple):
    """The genes of a model, and by which of its tokens each row of ours is taken."""

    vocabulary: GeneVocabulary
    rows: np.ndarray
    """int64 (n_genes + 3,): numbers of the model's tokens; first those of [PAD], [CLS] and [MASK]."""
    n_tokens: int
    has_cls: bool


def read_tokens(tokens: Tokens, reference: GeneVocabulary | None) -> GeneTokens:
    """Special tokens and genes of a list of tokens; genes that `reference` does not know are left out."""
    names = _names(tokens)
    bare = [name.strip("[]<>").upper() for name in names]
    is_special = np.array(
        [name[:1] in "[<" or word in ("PAD", "CLS", "MASK") for name, word in zip(names, bare, strict=True)]
    )
    number = {word: i for i, word in enumerate(bare) if is_special[i]}
    if lacking := [token for token in (SPECIAL_TOKENS[PAD], SPECIAL_TOKENS[MASK]) if token.strip("[]") not in number]:
        msg = f"Did not find {shown(lacking)} among the {len(names):,} tokens, of which the first are {shown(names)}."
        raise ValueError(msg)
    special = [number[token.strip("[]")] if token.strip("[]") in number else number["PAD"] for token in SPECIAL_TOKENS]
    genes = np.flatnonzero(~is_special)
    vocabulary, of_gene = _genes([names[i] for i in genes], reference)
    return GeneTokens(
        vocabulary, np.array([*special, *genes[of_gene]]), len(names), SPECIAL_TOKENS[CLS].strip("[]") in number
    )


def _names(tokens: Tokens) -> list[str]:
    """Tokens in the order of their numbers."""
    if isinstance(tokens, str | Path):
        path = Path(tokens)
        try:
            text = path.read_text(encoding="utf-8")
            tokens = json.loads(text) if path.suffix == ".json" else text.splitlines()
        except (ValueError, RecursionError) as error:
            msg = f"{path} cannot be read as tokens ({error}). Expected a token a line, or JSON."
            raise ValueError(msg) from None
    if isinstance(tokens, Mapping):
        if sorted(tokens.values(), key=str) != sorted(range(len(tokens)), key=str):
            msg = f"The numbers of {len(tokens):,} tokens are not 0 to {len(tokens) - 1:,}, each once."
            raise ValueError(msg)
        tokens = sorted(tokens, key=tokens.__getitem__)
    if (
        isinstance(tokens, str)
        or not isinstance(tokens, Sequence)
        or not all(isinstance(name, str) and name for name in tokens)
    ):
        msg = "Expected tokens as a list of names, or as numbers by name; found something else."
        raise ValueError(msg)
    if len(set(tokens)) < len(tokens):
        msg = f"Tokens stand there more than once: {shown(pd.Index(tokens)[pd.Index(tokens).duplicated()])}."
        raise ValueError(msg)
    return list(tokens)


def _genes(names: list[str], reference: GeneVocabulary | None) -> tuple[GeneVocabulary, np.ndarray]:
    """Their vocabulary, and which of `names` each of its genes is."""
    if reference is None:
        ids = [found[1] if (found := ENSEMBL.fullmatch(name)) else "" for name in names]
        symbols = [name if not id_ else "" for name, id_ in zip(names, ids, strict=True)]
        reference = GeneVocabulary.from_table(pd.DataFrame({"symbol": symbols, "ensembl": ids}))
    match = match_genes(names, reference)
    if left_out := len(names) - len(match.genes):
        logger.warning(
            "%d of %d genes of the model are left out: not in the reference, or there twice.", left_out, len(names)
        )
    first = dict(zip(match.index[::-1].tolist(), range(len(names) - 1, -1, -1), strict=True))
    return reference.take(match.genes), np.array([first[gene] for gene in match.genes.tolist()], dtype=np.int64)
