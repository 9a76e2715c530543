"""Whole-profile prediction: from a few genes of a sample, in any of its schemes, to where the whole sample lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import torch

from specformer.model import GenePanel, SpecformerForSamples
from specformer.train._fit_anchor import fit_anchor
from specformer.train._flops import encoder_flops
from specformer.train._true_profiles import TrueProfiles
from specformer.train._views import Views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from specformer.genes import GeneVocabulary
    from specformer.model import SpecformerConfig
    from specformer.train._corpus import Corpus


class WholeProfile:
    """Predict a sample's whole profile, and its place in the embedding, from a view of it as a user might bring one.

    A view is a random panel of genes (uniformly drawn, or more of those that vary with others) of one of the sample's
    schemes, ranked among themselves. Thinned copies of a cohort are schemes like any other. The target is the sample in
    the scheme in which it has the most genes: its standardised scores, predicted linearly from the latent, and its
    vector. No label is read.

    Parameters
    ----------
    corpus
        Samples in their schemes, under a weighting that puts genes without expression last.
    config
        With film tokens, an anchor, or both. Without an anchor (`n_anchor=0`) there is no vector to aim at, and the
        error of the scores is all of the loss: the gene embeddings decode the sample's vector.
    genes
        The vocabulary, with `score_mean` and `score_sd`.
    pairs
        Stores whose differences within a sample the metric shrinks, as pairs of numbers.
    same_patient
        Shrink what samples of one patient differ in, too: a tumour and the normal tissue beside it. Not for cohorts in
        which a patient's samples differ in what one wants to see.
    min_genes, max_genes
        Size of a view, drawn uniformly on a logarithmic scale.
    designed
        Share of views whose genes are drawn by how much they vary with others, as those of panels are; all genes are
        alike in the rest.
    gene_shift
        Standard deviation of a shift of each gene's normal score, the same for all samples of a view: what gene length,
        or another pipeline's annotation, does to a gene as a whole.
    n_neighbors
        Neighbours with which a sample may pair in the metric (see `fit_metric`); 0 for a metric of schemes alone.
    vector_weight
        Weight of the error of the vector, relative to the vectors' variance, beside that of the scores.
    agreement_weight, temperature
        Of the third term: each view has to find its own sample, by cosine, among those of the batch (InfoNCE). Squared
        error alone draws vectors towards the middle of their class, and neighbours are lost.
    """

    name = "whole_profile"
    config_needed: ClassVar = {
        "token": "film",
        "weighting": "median",
        # The [CLS] token of a window carries the anchor in and the window's vector out.
        "cls_token": True,
        "window_embedding": "cls",
        "pooling": "gated_attention",
        "n_anchor": 128,
        "noise_variance": 0.35,
        # Film tokens have no position, so that overlap would only read every gene twice.
        "stride": 512,
    }
    """What differs from the published recipe where a config is given by name or as a dictionary."""

    def __init__(
        self,
        corpus: Corpus,
        config: SpecformerConfig,
        genes: GeneVocabulary,
        *,
        pairs: Sequence[tuple[int, int]] = (),
        same_patient: bool = False,
        min_genes: int = 64,
        max_genes: int = 768,
        designed: float = 0.5,
        gene_shift: float = 0.0,
        n_neighbors: int = 5,
        vector_weight: float = 0.5,
        agreement_weight: float = 0.1,
        temperature: float = 0.1,
    ) -> None:
        if config.token != "film" and not config.n_anchor:
            msg = (
                "Whole-profile prediction needs `token='film'`, or `n_anchor` above 0. Found "
                f"token={config.token!r}, n_anchor={config.n_anchor}. A config given by its name has both."
            )
            raise ValueError(msg)
        self.corpus, self.vocabulary, self.config = corpus, genes, config
        self.pairs, self.same_patient, self.n_neighbors = list(pairs), same_patient, n_neighbors
        self.views = Views(corpus, min_genes, max_genes, designed, gene_shift)
        self.vector_weight, self.agreement_weight, self.temperature = vector_weight, agreement_weight, temperature
        self.tokens_per_item = self.views.mean_n_genes
        self.flops_per_item = 3 * encoder_flops(config, self.tokens_per_item)

    def make_model(self, samples: np.ndarray) -> SpecformerForSamples:
        """The anchor and its metric, fitted on these samples, and layers that add nothing yet."""
        model = SpecformerForSamples(self.config)
        if not self.config.n_anchor:
            self._truth = TrueProfiles(model, self.corpus, self.vocabulary)
            self._communality = np.ones(self.config.n_genes)
            return model
        loadings, metric, variance = fit_anchor(
            model, self.corpus, self.vocabulary, samples, pairs=self.pairs, same_patient=self.same_patient,
            n_neighbors=self.n_neighbors,
        )  # fmt: skip
        model.set_anchor(torch.from_numpy(loadings), torch.from_numpy(metric[:, : self.config.n_dims]))
        self._truth = TrueProfiles(model, self.corpus, self.vocabulary, variance=variance)
        self._communality = (loadings**2).sum(axis=1)
        return model

    def items(self, samples: np.ndarray) -> np.ndarray:
        """One item a sample."""
        return np.asarray(samples, dtype=np.int64)

    validation_items = items

    def __call__(
        self, model: torch.nn.Module, items: torch.Tensor, rng: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The error of a batch of views; figures beside it are the same errors of the anchor alone."""
        view = self.views.draw(items.cpu().numpy(), self._communality, rng)
        unwrapped = cast("SpecformerForSamples", getattr(model, "module", model))
        inputs = GenePanel(unwrapped, self.vocabulary, view.genes).inputs(view.ranks, view.n_ordered)
        output = model(**inputs)
        if not self.config.n_anchor:
            profile, _ = self._truth.errors(unwrapped, [output.vector], view.samples, rng)[0]
            return profile, {"profile_error": profile.detach()}
        (profile, vector), (anchor_profile, anchor_vector) = self._truth.errors(
            unwrapped, [output.latent, inputs["latent"]], view.samples, rng
        )
        agreement = self._truth.agreement(unwrapped, output.vector, view.samples, self.temperature)
        figures = {
            "profile_error": profile.detach(),
            "vector_error": vector.detach(),
            "agreement_loss": agreement.detach(),
            "anchor_profile_error": anchor_profile,
            "anchor_vector_error": anchor_vector,
        }
        return profile + self.vector_weight * vector + self.agreement_weight * agreement, figures
