from __future__ import annotations

import pytest
import torch

from specformer.genes import MASK, N_SPECIAL, PAD
from specformer.train import mask_genes
from specformer.train._masking import IGNORED, n_masked_of, step_seed

V = N_SPECIAL + 1000


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def windows():
    return torch.stack([torch.randperm(V - N_SPECIAL, generator=rng(i))[:512] + N_SPECIAL for i in range(200)])


def test_77_of_512_positions_of_every_window(windows):
    hidden, labels, positions = mask_genes(windows, rng(), vocab_size=V)
    assert positions.shape == (200, 77)
    assert (labels != IGNORED).sum(dim=1).tolist() == [77] * 200
    assert all(len(set(row.tolist())) == 77 for row in positions), "without replacement"
    assert torch.equal(labels.gather(1, positions), windows.gather(1, positions)), "labels are what stood there"
    elsewhere = labels == IGNORED
    assert torch.equal(hidden[elsewhere], windows[elsewhere]), "what is not masked stays"


def test_80_10_10(windows):
    hidden, labels, positions = mask_genes(windows, rng(), vocab_size=V)
    shown, truth = hidden.gather(1, positions), labels.gather(1, positions)
    is_mask = shown == MASK
    assert is_mask.sum(dim=1).tolist() == [62] * 200
    assert (hidden == MASK).sum() == is_mask.sum()
    # A random gene is the right one once in a thousand times.
    kept = (shown == truth).sum(dim=1).float()
    assert 7 <= kept.mean() < 7.05
    random = shown[~is_mask & (shown != truth)]
    assert random.min() >= N_SPECIAL
    assert random.max() < V
    # Uniform over genes: the mean of 1,600 draws has a standard error of 7.
    assert abs(random.float().mean() - (N_SPECIAL + V - 1) / 2) < 4 * 7.3


def test_positions_are_uniform(windows):
    _, _, positions = mask_genes(windows, rng(3), vocab_size=V)
    counts = torch.bincount(positions.flatten(), minlength=512).float()
    chi2 = ((counts - counts.mean()) ** 2 / counts.mean()).sum() / (1 - 77 / 512)
    assert 400 < chi2 < 640, "511 degrees of freedom"
    # What becomes [MASK] does not depend on where it stands, nor on what stands there.
    is_mask = torch.arange(77) < 62
    assert (
        abs(positions[:, is_mask].float().mean() - positions[:, ~is_mask].float().mean()) < 4 * 148 * (1 / 3000) ** 0.5
    )


def test_the_seed_decides(windows):
    first = mask_genes(windows, rng(7), vocab_size=V)
    again = mask_genes(windows, rng(7), vocab_size=V)
    other = mask_genes(windows, rng(8), vocab_size=V)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[2], other[2])


def test_every_part_of_the_key_changes_the_seed():
    keys = [
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (1, 1, 0, 0),
        (0, 11, 1, 0),
        (0, 1, 11, 0),
    ]
    seeds = [step_seed(*key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert step_seed(0, 5, 1, 2) == step_seed(0, 5, 1, 2)


def test_padding_is_never_masked():
    windows = torch.full((50, 100), PAD)
    windows[:, :40] = torch.arange(40) + N_SPECIAL
    hidden, labels, positions = mask_genes(windows, rng(), vocab_size=V)
    assert positions.shape == (50, n_masked_of(40)) == (50, 6)
    assert positions.max() < 40
    assert (hidden[:, 40:] == PAD).all()
    assert (labels[:, 40:] == IGNORED).all()


def test_more_masks_than_genes_is_an_error():
    with pytest.raises(ValueError, match="Cannot mask 11 positions of windows with 10 genes"):
        mask_genes(torch.arange(10)[None] + N_SPECIAL, rng(), vocab_size=V, n_masked=11)
