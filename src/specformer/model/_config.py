"""What a SpecFormer is: its size, its windows, its tokens, and how windows become one vector."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from packaging.version import InvalidVersion, Version
from transformers import BertConfig

import specformer
from specformer._checks import require_one_of, shown
from specformer.genes import N_SPECIAL, PAD
from specformer.ranking import WEIGHTINGS

TOKENS = ("additive", "film")
POOLINGS = ("mean", "attention", "gated_attention", "transformer")
WINDOW_EMBEDDINGS = ("mean", "cls")
CHECKPOINT_FORMAT = 1
# More ranks than there are human genes, in any annotation.
MOST_RANKS = 2**17

_BASE = {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
PRESETS: dict[str, dict[str, Any]] = {
    "mini": {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 4, "intermediate_size": 512},
    "small": {"num_hidden_layers": 8, "hidden_size": 512, "num_attention_heads": 8, "intermediate_size": 2048},
    "base": _BASE,
    "base-2048": {**_BASE, "window_size": 2048, "stride": 1024},
    "large": {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
}
"""Sizes by name, as differences from the defaults of `SpecformerConfig`, which are the published recipe's."""


class SpecformerConfig(BertConfig):
    """Architecture and recipe of a checkpoint: transformers' `BertConfig` and what is our own.

    Parameters
    ----------
    vocab_size
        Genes and the three special tokens.
    window_size, stride
        Ranks in a window, and ranks from one window's start to the next.
    weighting
        By which weighting genes are ordered, one of `sf.ranking.WEIGHTINGS`.
    token
        `"additive"`: gene embedding plus embedding of the position in the window, as in BERT. `"film"`: gene embedding
        times the gene's standardised normal score, plus a second gene embedding (feature-wise linear modulation).
    cls_token
        Whether the model puts a [CLS] token before each window.
    window_embedding
        The vector of a window: mean of its gene tokens, or its [CLS] token.
    pooling
        From windows to a sample: `"mean"`, `"attention"`, `"gated_attention"` or `"transformer"`.
    n_anchor
        Dimensions of the linear anchor (probabilistic PCA of the scores); 0 for none.
    noise_variance
        The anchor's residual variance a gene.
    n_dims
        Length of a sample's vector; `hidden_size` without an anchor, at most `n_anchor` with one. None takes the most.
    n_reference_obs
        Samples on which the per-gene statistics in `genes.csv` were fitted.
    specformer_version
        Version that made the checkpoint.
    checkpoint_format
        What the files of a checkpoint mean, by number. It rises when an older version could not read a new one.

    Raises
    ------
    ValueError
        For a value, or a combination of values, that cannot be.
    """

    model_type = "specformer"

    vocab_size: int = 10_003
    type_vocab_size: int = 1
    pad_token_id: int | None = PAD
    window_size: int = 512
    stride: int = 256
    weighting: str = "tfidf"
    token: Literal["additive", "film"] = "additive"
    cls_token: bool = False
    window_embedding: Literal["mean", "cls"] = "mean"
    pooling: Literal["mean", "attention", "gated_attention", "transformer"] = "mean"
    n_anchor: int = 0
    noise_variance: float = 1.0
    n_dims: int | None = None
    n_reference_obs: int = 0
    specformer_version: str = ""
    checkpoint_format: int = CHECKPOINT_FORMAT

    def __post_init__(self, **kwargs: Any) -> None:
        # These belong to the files that they were read from, and would be wrong after the first training step.
        for name in ("weights_sha256", "genes_sha256"):
            kwargs.pop(name, None)
        super().__post_init__(**kwargs)
        installed = Version(specformer.__version__).public
        self.specformer_version = self.specformer_version or installed
        _require_readable(self.specformer_version, installed, self.checkpoint_format)
        self._require_consistent()
        self.n_dims = self.n_dims or self.n_anchor or self.hidden_size
        self.max_position_embeddings = self.window_size + self.cls_token

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> SpecformerConfig:
        """A config of the size `name` (see `PRESETS`), with `overrides` on top; unknown ones are refused."""
        require_one_of("config", name, tuple(PRESETS))
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(overrides) - known):
            msg = f"A SpecformerConfig has no {shown(unknown)}. It has: {', '.join(sorted(known))}."
            raise ValueError(msg)
        return cls(**{**PRESETS[name], **overrides})

    @property
    def n_genes(self) -> int:
        """Genes of the vocabulary, without the special tokens."""
        return self.vocab_size - N_SPECIAL

    def _require_consistent(self) -> None:
        require_one_of("weighting", self.weighting, WEIGHTINGS)
        require_one_of("token", self.token, TOKENS)
        require_one_of("pooling", self.pooling, POOLINGS)
        require_one_of("window_embedding", self.window_embedding, WINDOW_EMBEDDINGS)
        # transformers checks the types of BERT's fields alone.
        for name, least in {"window_size": 1, "stride": 1, "n_anchor": 0, "n_reference_obs": 0}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                msg = f"`{name}` is {value!r}; expected an integer of at least {least}."
                raise ValueError(msg)
        wrong = None
        if self.vocab_size <= N_SPECIAL:
            wrong = f"`vocab_size` is {self.vocab_size}; expected more than the {N_SPECIAL} special tokens"
        elif self.hidden_size % self.num_attention_heads:
            wrong = (
                f"`hidden_size` {self.hidden_size} is no multiple of `num_attention_heads` {self.num_attention_heads}"
            )
        elif self.window_size > MOST_RANKS:
            wrong = f"`window_size` is {self.window_size}; a window has at most {MOST_RANKS} ranks"
        elif self.stride > self.window_size:
            wrong = f"`stride` {self.stride} is above `window_size` {self.window_size}, which would leave genes out"
        elif self.window_embedding == "cls" and not self.cls_token:
            wrong = "`window_embedding` is 'cls', which needs `cls_token=True`"
        elif self.n_anchor and not self.cls_token:
            wrong = f"`n_anchor` is {self.n_anchor}, which needs `cls_token=True`: that token carries the anchor"
        elif self.n_anchor and not self.noise_variance > 0:
            wrong = f"`noise_variance` is {self.noise_variance!r}; an anchor needs one above 0"
        elif self.n_dims and self.n_anchor and not 0 < self.n_dims <= self.n_anchor:
            wrong = f"`n_dims` is {self.n_dims}; with an anchor it is between 1 and `n_anchor` = {self.n_anchor}"
        elif self.n_dims and not self.n_anchor and self.n_dims != self.hidden_size:
            wrong = f"`n_dims` is {self.n_dims}; without an anchor it is `hidden_size` = {self.hidden_size}"
        if wrong:
            msg = f"{wrong}."
            raise ValueError(msg)


def _require_readable(version: str, installed: str, checkpoint_format: int) -> None:
    try:
        major = Version(version).major
    except InvalidVersion:
        msg = f"`specformer_version` is {version!r}, which is no version. Is this config.json from specformer?"
        raise ValueError(msg) from None
    if major > Version(installed).major or checkpoint_format > CHECKPOINT_FORMAT:
        msg = (
            f"This checkpoint was made by specformer {version}; installed is {installed}, which cannot read it (its format "
            f"is {checkpoint_format}, the newest known here {CHECKPOINT_FORMAT}). "
            "Run `pip install --upgrade specformer`."
        )
        raise ValueError(msg)
