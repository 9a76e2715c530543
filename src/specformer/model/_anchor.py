"""The linear anchor: probabilistic PCA of standardised normal scores, genes that are not at hand left missing.

Tipping & Bishop (1999). A sample's scores are `z = W t + noise`, with `t ~ N(0, 1)` and noise of one variance. Of any
subset O of genes, the best guess of `t` is `(W_O' W_O + noise_variance)^-1 W_O' z_O`: a panel of 200 genes and a
whole transcriptome of one sample land near one another, with no training for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from specformer.model._config import SpecformerConfig


class LinearAnchor(nn.Module):
    """Loadings, noise and whitening of the anchor; none of them is trained by gradient unless asked for."""

    def __init__(self, config: SpecformerConfig) -> None:
        super().__init__()
        self.noise_variance = config.noise_variance
        self.loadings = nn.Parameter(torch.zeros(config.n_genes, config.n_anchor), requires_grad=False)
        self.whitening = nn.Parameter(torch.eye(config.n_anchor, config.n_dims or config.n_anchor), requires_grad=False)

    def solver(self, genes: torch.Tensor) -> tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
        """The map from scores of `genes` to the posterior mean, ready for any number of batches, and its uncertainty.

        Parameters
        ----------
        genes
            Rows of the vocabulary of the genes at hand, int64 (n_genes_at_hand,), each once.

        Returns
        -------
        A function from standardised scores (n, n_genes_at_hand), columns as in `genes`, to float32 (n, n_anchor); and
        the posterior covariance, float32 (n_anchor, n_anchor), the same for every sample with these genes: the identity
        where nothing is known, near zero where thousands of genes speak.
        """
        if genes.unique().numel() != genes.numel():
            msg = "Some gene stands twice among the genes at hand; collapse duplicates first."
            raise ValueError(msg)
        # MPS has no float64; the solution loses half its digits without it.
        device = torch.device("cpu") if self.loadings.device.type == "mps" else self.loadings.device
        at_hand = self.loadings.detach().to(device)[genes.to(device)].double()
        precision = at_hand.T @ at_hand
        precision.diagonal().add_(self.noise_variance)
        factor = torch.linalg.cholesky(precision)

        def solve(scores: torch.Tensor) -> torch.Tensor:
            projected = scores.to(device).double() @ at_hand
            return torch.cholesky_solve(projected.T, factor).T.float().to(scores.device)

        uncertainty = self.noise_variance * torch.cholesky_inverse(factor)
        return solve, uncertainty.float().to(self.loadings.device)

    def posterior(self, scores: torch.Tensor, genes: torch.Tensor) -> torch.Tensor:
        """Posterior mean of samples (n, n_anchor) from the scores (n, n_genes_at_hand) of `genes`; see `solver`."""
        return self.solver(genes)[0](scores)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """The whole standardised score profile (n, n_genes) that a latent (n, n_anchor) predicts."""
        return latent @ self.loadings.T

    def whiten(self, latent: torch.Tensor) -> torch.Tensor:
        """The vectors (n, n_dims) that users see."""
        return latent @ self.whitening
