"""Whole-profile prediction: from a few genes of a sample, in any of its schemes, to where the whole sample lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import torch
from scipy.special import ndtri
from torch import nn

from specformer.genes import N_SPECIAL
from specformer.model import GenePanel, SpecformerForSamples
from specformer.train._anchor import Profiles, differences_within, fit_loadings, fit_metric, posterior_mean
from specformer.train._flops import encoder_flops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from specformer.genes import GeneVocabulary
    from specformer.model import SpecformerConfig
    from specformer.train._corpus import Corpus

GENES_PREDICTED = 2048


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
        self.pairs, self.same_patient = list(pairs), same_patient
        self.min_genes, self.max_genes = min_genes, max_genes
        self.designed, self.gene_shift, self.n_neighbors = designed, gene_shift, n_neighbors
        self.vector_weight, self.agreement_weight, self.temperature = vector_weight, agreement_weight, temperature
        # The store in which each sample has the most genes says what is true of it.
        sizes = np.array([store.n_genes for store in corpus.stores])
        self.richest = np.where(corpus.rows >= 0, sizes, -1).argmax(axis=1)
        spread = np.log(max_genes / min_genes)
        self.tokens_per_item = int((max_genes - min_genes) / spread) if spread else max_genes
        self.flops_per_item = 3 * encoder_flops(config, self.tokens_per_item)

    def make_model(self, samples: np.ndarray) -> SpecformerForSamples:
        """The anchor and its metric, fitted on these samples, and layers that add nothing yet."""
        stores, rows = self.corpus.stores, self.corpus.rows
        model = SpecformerForSamples(self.config)
        if not self.config.n_anchor:
            self._truth = [self._true_scores(model, store) for store in range(len(stores))]
            self._communality = np.ones(self.config.n_genes)
            return model
        panels = [GenePanel(model, self.vocabulary, store.genes) for store in stores]

        def profiles(store: int, chosen: np.ndarray) -> Profiles:
            taken = rows[chosen, store]
            return Profiles(
                panels[store].scores(stores[store].ranks[taken], stores[store].n_ordered[taken]), stores[store].genes
            )

        groups = [(store, samples[self.richest[samples] == store]) for store in np.unique(self.richest[samples])]
        groups.sort(key=lambda group: -stores[group[0]].n_genes)
        cohorts = [profiles(store, chosen) for store, chosen in groups]
        noise, n_dims = self.config.noise_variance, self.config.n_anchor
        loadings = fit_loadings(cohorts, self.config.n_genes, n_dims=n_dims, noise_variance=noise)
        latents = np.concatenate([posterior_mean(cohort, loadings, noise) for cohort in cohorts])
        differences = [
            posterior_mean(profiles(one, both), loadings, noise)
            - posterior_mean(profiles(other, both), loadings, noise)
            for one, other in self.pairs
            if len(both := samples[(rows[samples, one] >= 0) & (rows[samples, other] >= 0)])
        ]
        if self.same_patient:
            patients = self.corpus.patients[np.concatenate([chosen for _, chosen in groups])]
            differences.append(differences_within(latents, patients))
        differing = np.concatenate(differences) if differences else None
        metric = fit_metric(loadings, latents, differing, n_neighbors=self.n_neighbors)
        model.set_anchor(torch.from_numpy(loadings), torch.from_numpy(metric[:, : self.config.n_dims]))
        self._truth = [self._true_scores(model, store) for store in range(len(stores))]
        self._communality = (loadings**2).sum(axis=1)
        self._variance = float((latents @ metric).var(axis=0).sum())
        return model

    def items(self, samples: np.ndarray) -> np.ndarray:
        """One item a sample."""
        return np.asarray(samples, dtype=np.int64)

    validation_items = items

    def __call__(
        self, model: torch.nn.Module, items: torch.Tensor, rng: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The error of a batch of views; figures beside it are the same errors of the anchor alone."""
        store, samples = self._draw_store(items.cpu().numpy(), rng)
        columns = self._draw_genes(store, rng)
        whole = self.corpus.stores[store]
        rows = self.corpus.rows[samples, store]
        gapped = np.asarray(whole.ranks[rows])[:, columns]
        key = self._shifted(gapped, whole.n_ordered[rows], whole.n_genes, rng) if self.gene_shift else gapped
        order = np.argsort(key, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(len(columns))[None], axis=1)
        n_ordered = (gapped < whole.n_ordered[rows, None]).sum(axis=1)

        unwrapped = cast("SpecformerForSamples", getattr(model, "module", model))
        panel = GenePanel(unwrapped, self.vocabulary, whole.genes[columns])
        inputs = panel.inputs(ranks, n_ordered)
        output = model(**inputs)
        if not self.config.n_anchor:
            profile, _ = self._errors(unwrapped, [output.vector], samples, rng)[0]
            return profile, {"profile_error": profile.detach()}
        (profile, vector), (anchor_profile, anchor_vector) = self._errors(
            unwrapped, [output.latent, inputs["latent"]], samples, rng
        )
        agreement = self._agreement(unwrapped, output.vector, samples)
        figures = {
            "profile_error": profile.detach(),
            "vector_error": vector.detach(),
            "agreement_loss": agreement.detach(),
            "anchor_profile_error": anchor_profile,
            "anchor_vector_error": anchor_vector,
        }
        return profile + self.vector_weight * vector + self.agreement_weight * agreement, figures

    def _draw_store(self, samples: np.ndarray, rng: torch.Generator) -> tuple[int, np.ndarray]:
        """One store for the whole batch, so that all views share their genes, and the samples that it has."""
        present = self.corpus.rows[samples] >= 0
        weights = torch.as_tensor(present.sum(axis=0), dtype=torch.float64, device=rng.device)
        store = int(torch.multinomial(weights, 1, generator=rng))
        return store, samples[present[:, store]]

    def _draw_genes(self, store: int, rng: torch.Generator) -> np.ndarray:
        n_genes = self.corpus.stores[store].n_genes
        draw, kind = torch.rand(2, generator=rng, device=rng.device).tolist()
        low, high = np.log(min(self.min_genes, n_genes)), np.log(min(self.max_genes, n_genes))
        n = round(float(np.exp(low + draw * (high - low))))
        weights = np.ones(n_genes)
        if kind < self.designed:  # panels are designed, not drawn: their genes vary, and together
            weights = self._communality[self.corpus.stores[store].genes] + 1e-3
        chosen = torch.multinomial(torch.as_tensor(weights, device=rng.device), n, generator=rng)
        return np.sort(chosen.cpu().numpy())

    def _shifted(self, ranks: np.ndarray, n_ordered: np.ndarray, n_genes: int, rng: torch.Generator) -> np.ndarray:
        """What to sort the genes of a view by instead of their ranks; those without expression stay behind all others."""
        shift = self.gene_shift * torch.randn(ranks.shape[1], generator=rng, device=rng.device).cpu().numpy()
        return np.where(ranks < n_ordered[:, None], ndtri((ranks + 0.5) / n_genes) - shift, n_genes + ranks)

    def _agreement(self, model: SpecformerForSamples, vectors: torch.Tensor, samples: np.ndarray) -> torch.Tensor:
        truth = np.stack([self._truth[self.richest[i]][1][self.corpus.rows[i, self.richest[i]]] for i in samples])
        places = model.anchor.whiten(torch.from_numpy(truth).to(model.device))
        cosine = nn.functional.normalize(vectors, dim=1) @ nn.functional.normalize(places, dim=1).T
        return nn.functional.cross_entropy(cosine / self.temperature, torch.arange(len(samples), device=model.device))

    def _true_scores(self, model: SpecformerForSamples, store: int) -> tuple[np.ndarray, np.ndarray]:
        """What is true of the samples that are richest here: float16 scores, float32 latents; rows as in the store."""
        whole = self.corpus.stores[store]
        panel = GenePanel(model, self.vocabulary, whole.genes)
        scores = np.zeros(whole.ranks.shape, np.float16)
        latents = np.zeros((len(whole), self.config.n_anchor), np.float32)
        rows = self.corpus.rows[self.richest == store, store]
        for taken in np.array_split(rows, max(1, len(rows) // 256)):
            if len(taken):
                scores[taken] = exact = panel.scores(whole.ranks[taken], whole.n_ordered[taken])
                if self.config.n_anchor:
                    latents[taken] = panel.solve(torch.from_numpy(exact)).cpu().numpy()
        return scores, latents

    def _errors(
        self, model: SpecformerForSamples, latents: Sequence[torch.Tensor], samples: np.ndarray, rng: torch.Generator
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Mean squared error of scores and of vectors, for each guess of the latents; of scores alone without an anchor."""
        has_anchor = self.config.n_anchor > 0
        decoder = model.anchor.loadings if has_anchor else model.specformer.get_input_embeddings().weight[N_SPECIAL:]
        totals = [[latent.new_zeros(()), latent.new_zeros(())] for latent in latents]
        for store in np.unique(self.richest[samples]):
            here = np.flatnonzero(self.richest[samples] == store)
            rows = self.corpus.rows[samples[here], store]
            scores, truth = self._truth[store]
            genes = self.corpus.stores[store].genes
            columns = torch.randperm(len(genes), generator=rng, device=rng.device)[:GENES_PREDICTED].cpu().numpy()
            target = torch.from_numpy(scores[np.ix_(rows, columns)].astype(np.float32)).to(model.device)
            place = model.anchor.whiten(torch.from_numpy(truth[rows]).to(model.device)) if has_anchor else None
            loadings = decoder[torch.from_numpy(genes[columns]).to(model.device)]
            for latent, total in zip(latents, totals, strict=True):
                total[0] = total[0] + (latent[here] @ loadings.T - target).square().mean(dim=1).sum()
                if place is not None:
                    total[1] = total[1] + (model.anchor.whiten(latent[here]) - place).square().sum() / self._variance
        return [(scores / len(samples), vectors / len(samples)) for scores, vectors in totals]
