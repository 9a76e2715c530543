"""The generative baselines of the paper's appendix: a variational autoencoder and an adversarial network."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from specformer.baselines._trained import TrainedBaseline
from specformer.baselines._upper_quartile import column_moments, upper_quartile_log2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class StandardisedBaseline(TrainedBaseline):
    """Reads standardised upper-quartile log2 expression; a missing gene is its training mean, as for PCA."""

    mean: torch.Tensor
    sd: torch.Tensor
    batch_size = 64

    def __init__(self, genes: Sequence[str] | np.ndarray, *, n_hidden: Sequence[int], n_latent: int) -> None:
        super().__init__(genes, n_hidden=list(n_hidden), n_latent=n_latent)
        for name in ("mean", "sd"):
            self.register_buffer(name, torch.zeros(len(self.genes)))

    def measure(self, X: np.ndarray) -> None:
        """Mean and deviation of each gene."""
        mean, sd = column_moments(upper_quartile_log2(X))
        self.mean.copy_(torch.from_numpy(mean))
        self.sd.copy_(torch.from_numpy(sd))

    def prepare(self, X: np.ndarray, known: np.ndarray) -> torch.Tensor:
        """float32 (n, n_genes), genes that are not at hand zero."""
        mean, sd = self.mean.cpu().numpy()[known], self.sd.cpu().numpy()[known]
        values = np.zeros((len(X), len(self.genes)), dtype=np.float32)
        values[:, known] = (upper_quartile_log2(X) - mean) / sd
        return torch.from_numpy(values)


class VariationalAutoencoder(StandardisedBaseline):
    """Variational autoencoder of standardised upper-quartile log2 expression; a vector is the posterior mean.

    The likelihood is normal with the variance that genes were standardised to. The divergence from the prior counts
    nothing at first and in full from half of the budget on.

    Parameters
    ----------
    genes
        Names of the genes.
    n_hidden
        Hidden units of the encoder, from genes to latents; the decoder mirrors them.
    n_latent
        Latents.

    References
    ----------
    Kingma, Welling (2014). Auto-encoding variational Bayes. ICLR.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, genes = rng.gamma(1.0, size=(40, 30)), [f"g{i}" for i in range(30)]
    >>> VariationalAutoencoder.fit(X, genes, steps=10).transform(X[:, :20], genes[:20]).shape
    (40, 32)
    """

    def __init__(
        self, genes: Sequence[str] | np.ndarray, *, n_hidden: Sequence[int] = (1024, 128), n_latent: int = 32
    ) -> None:
        super().__init__(genes, n_hidden=n_hidden, n_latent=n_latent)
        self.encoder = perceptron([len(self.genes), *n_hidden, 2 * n_latent], nn.ReLU())
        self.decoder = perceptron([n_latent, *reversed(n_hidden), len(self.genes)], nn.ReLU())

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """Negative evidence lower bound, in nats a gene."""
        mean, log_variance = self.encoder(batch).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=rng, device=rng.device)
        error = (self.decoder(mean + (log_variance / 2).exp() * noise) - batch).square().sum(dim=1) / 2
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / 2
        yield (error + min(1, 2 * done) * divergence).mean() / batch.shape[1]

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Posterior means."""
        return self.encoder(batch).chunk(2, dim=1)[0]


class AdversarialNetwork(StandardisedBaseline):
    """Generative adversarial network; a vector is the last hidden layer of the discriminator.

    That layer reads real samples and needs no further training. The alternative, an encoder fitted to the generator,
    would be a second model with an objective of its own, and has no place for samples that the generator never learned
    to make, of which the appendix reports many.

    Parameters
    ----------
    genes
        Names of the genes.
    n_hidden
        Hidden units of the discriminator, the last as many as a vector has; the generator mirrors them.
    n_latent
        Normal deviates that a sample is generated from.

    References
    ----------
    Goodfellow et al. (2014). Generative adversarial nets. NeurIPS. The discriminator's layers as features: Radford, Metz,
    Chintala (2016). Unsupervised representation learning with deep convolutional generative adversarial networks. ICLR.
    """

    # With the usual momentum the two chase each other in circles.
    betas = (0.5, 0.999)
    learning_rate = 2e-4

    def __init__(
        self, genes: Sequence[str] | np.ndarray, *, n_hidden: Sequence[int] = (1024, 128), n_latent: int = 32
    ) -> None:
        super().__init__(genes, n_hidden=n_hidden, n_latent=n_latent)
        self.generator = perceptron([n_latent, *reversed(n_hidden), len(self.genes)], nn.ReLU())
        self.discriminator = perceptron([len(self.genes), *n_hidden, 1], nn.LeakyReLU(0.2))

    def parts(self) -> list[list[nn.Parameter]]:
        """The discriminator, then the generator."""
        return [list(self.discriminator.parameters()), list(self.generator.parameters())]

    def losses(self, batch: torch.Tensor, rng: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        """How far the discriminator is from telling real from made, then how far the generator is from deceiving it."""
        made = self.generate(len(batch), rng)
        yield (softplus(-self.discriminator(batch)) + softplus(self.discriminator(made.detach()))).mean()
        yield softplus(-self.discriminator(made)).mean()

    def generate(self, n: int, rng: torch.Generator) -> torch.Tensor:
        """Draw standardised samples, (n, n_genes)."""
        return self.generator(torch.randn((n, self.sizes["n_latent"]), generator=rng, device=rng.device))

    def embed(self, batch: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """The discriminator without its last map."""
        return self.discriminator[:-1](batch)


def perceptron(sizes: Sequence[int], activation: nn.Module) -> nn.Sequential:
    """Linear maps between layers of the given sizes, with the activation after all but the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation]
    return nn.Sequential(*layers[:-1])
