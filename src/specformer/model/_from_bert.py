"""Checkpoints of the published form: transformers' `BertForMaskedLM` over genes, with a list of what its tokens are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from specformer._checks import shown
from specformer.genes import N_SPECIAL
from specformer.model._bert_tokens import Tokens, read_tokens
from specformer.model._checkpoint import CONFIG, WEIGHTS, Pretrained, tied_weights
from specformer.model._masked_genes import SpecformerForMaskedGenes
from specformer.model._read import misfits, read_json, read_weights, sha256_of, stored_shapes
from specformer.model._read_config import MOST_BYTES, checked_config

if TYPE_CHECKING:
    from specformer.genes import GeneVocabulary
    from specformer.model._config import SpecformerConfig
    from specformer.model._read import Shapes

SAME_MEANING = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "layer_norm_eps",
    "initializer_range",
)
GENES, BIAS = "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"
POSITIONS, SEGMENTS = "bert.embeddings.position_embeddings.weight", "bert.embeddings.token_type_embeddings.weight"
TIED = {"cls.predictions.decoder.weight": GENES, "cls.predictions.decoder.bias": BIAS}
# Parts of other heads, and a buffer that older versions stored.
PASSED_OVER = ("bert.pooler.", "cls.seq_relationship.", "bert.embeddings.position_ids", *TIED)


def from_bert(
    directory: str | Path,
    tokens: Tokens,
    *,
    reference: GeneVocabulary | None = None,
    cls_token: bool = False,
    window_size: int | None = None,
    stride: int | None = None,
) -> Pretrained[SpecformerForMaskedGenes]:
    """Read a masked-gene model that was saved as transformers' `BertForMaskedLM`, the form in which TifBERT is released.

    Its numbers stay what they are; its tokens are brought into the order of this package, in which genes go by Ensembl
    id. Write it with :func:`save`, and it is a checkpoint like any other.

    Parameters
    ----------
    directory
        Holds `config.json` (`model_type` `"bert"`) and `model.safetensors`; pickles are not read.
    tokens
        What each token is: names in the order of their numbers, numbers by name, or a file: text with one token a line
        (`vocab.txt`), or JSON with either. Genes by symbol or Ensembl id; `[PAD]` and `[MASK]` have to be among them, in
        any writing (`<mask>`, `MASK`).
    reference
        A vocabulary with the statistics by which genes are ranked, as `sf.train.build_vocabulary` fits them to a cohort.
        Genes that it does not know are left out. None takes the names as they are: enough to fill in masked genes, not
        to embed samples.
    cls_token
        Whether windows began with `[CLS]` in pretraining.
    window_size, stride
        Ranks in a window, by default as many as the model has positions for, and from one window to the next, by
        default half of that.

    Returns
    -------
    `Pretrained(model, genes, config, path, sha256)` with a `SpecformerForMaskedGenes`.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If it is no such model or a damaged one, has another number of tokens, or special ones are missing.

    Notes
    -----
    Hidden states and logits are those of `BertForMaskedLM`, to rounding, with and without `[CLS]`. A closing `[SEP]` has no
    counterpart here; segment embeddings are those of the first segment.

    Examples
    --------
    >>> import specformer as sf
    >>> reference = sf.train.build_vocabulary(adata)  # doctest: +SKIP
    >>> model, genes, *_ = sf.model.from_bert("tifbert", "tifbert/vocab.txt", reference=reference)  # doctest: +SKIP
    >>> sf.model.save("my_checkpoint", model, genes)  # doctest: +SKIP
    """
    path = Path(directory)
    if missing := [name for name in (CONFIG, WEIGHTS) if not (path / name).is_file()]:
        msg = f"{path} lacks {shown(missing)}: expected what `BertForMaskedLM.save_pretrained` writes."
        raise FileNotFoundError(msg)
    raw = read_json(path / CONFIG, most_bytes=MOST_BYTES)
    if raw.get("model_type") != "bert" or raw.get("position_embedding_type", "absolute") != "absolute":
        msg = f"{path / CONFIG} describes a {raw.get('model_type')!r}; expected a BERT with absolute positions."
        raise ValueError(msg)
    found = read_tokens(tokens, reference)
    if cls_token and not found.has_cls:
        msg = "`cls_token=True`, but there is no [CLS] among the tokens."
        raise ValueError(msg)
    shapes = stored_shapes(path / WEIGHTS)
    n_positions = shapes.get(POSITIONS, (0,))[0]
    window_size = n_positions - cls_token if window_size is None else window_size
    config = checked_config(
        {name: raw[name] for name in SAME_MEANING if name in raw}
        | {
            "vocab_size": len(found.vocabulary) + N_SPECIAL,
            "window_size": window_size,
            "stride": max(1, window_size // 2) if stride is None else stride,
            "cls_token": cls_token,
            "weighting": found.vocabulary.weighting or "tfidf",
            "n_reference_obs": found.vocabulary.n_obs,
        },
        path / CONFIG,
    )
    _require_bert(path / WEIGHTS, shapes, config, found.n_tokens)
    weights = _translated(read_weights(path / WEIGHTS), torch.from_numpy(found.rows), config, path / WEIGHTS)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten; the user's stream stays
        model = SpecformerForMaskedGenes(config)
    model.load_state_dict(weights, strict=False)
    return Pretrained(model.eval(), found.vocabulary, config, path, sha256_of(path / WEIGHTS))


def _require_bert(path: Path, shapes: Shapes, config: SpecformerConfig, n_tokens: int) -> None:
    """Compare the header with the model that its config describes, before memory is taken for either."""
    if config.num_hidden_layers > len(shapes):
        msg = f"{path} does not fit its config.json: it holds {len(shapes)} tensors, for {config.num_hidden_layers:,} layers."
        raise ValueError(msg)
    with torch.device("meta"):
        model = SpecformerForMaskedGenes(config)
    expected = {
        _foreign(name): tuple(tensor.shape)
        for name, tensor in model.state_dict().items()
        if name not in tied_weights(model)
    }
    # As many rows as the model has tokens, positions and segments, of which ours may be fewer.
    for name, n_rows in {GENES: n_tokens, BIAS: n_tokens, POSITIONS: None, SEGMENTS: None}.items():
        rows = shapes.get(name, (0,))[0] if n_rows is None else n_rows
        expected[name] = (rows, *expected[name][1:])
    stored = {name: shape for name, shape in shapes.items() if not name.startswith(PASSED_OVER)}
    for what, names in misfits(stored, expected).items():
        if names:
            msg = (
                f"{path} {what} {shown(names)}: it is no BertForMaskedLM with the {n_tokens:,} tokens and the size that "
                "are said."
            )
            raise ValueError(msg)
    n_positions = config.window_size + config.cls_token
    if n_positions > shapes[POSITIONS][0] or shapes[SEGMENTS][0] < 1:
        msg = f"`window_size` {config.window_size} needs {n_positions} positions; {path} has {shapes[POSITIONS][0]}."
        raise ValueError(msg)


def _translated(
    weights: dict[str, torch.Tensor], rows: torch.Tensor, config: SpecformerConfig, path: Path
) -> dict[str, torch.Tensor]:
    for copy, original in TIED.items():
        if copy in weights and not torch.equal(weights[copy], weights[original]):
            msg = f"{path} has a decoder of its own, {copy!r}; only one that is tied to the gene embedding can be read."
            raise ValueError(msg)
    kept = {name: tensor.float() for name, tensor in weights.items() if not name.startswith(PASSED_OVER)}
    kept[GENES], kept[BIAS] = kept[GENES][rows], kept[BIAS][rows]
    kept[POSITIONS] = kept[POSITIONS][: config.window_size + config.cls_token]
    kept[SEGMENTS] = kept[SEGMENTS][:1]
    return {_own(name): tensor for name, tensor in kept.items()}


def _own(name: str) -> str:
    if name.startswith("bert."):
        return f"specformer.{name}"
    return name.replace("cls.predictions.", "head.", 1)


def _foreign(name: str) -> str:
    if name.startswith("specformer."):
        return name.removeprefix("specformer.")
    return name.replace("head.", "cls.predictions.", 1)
