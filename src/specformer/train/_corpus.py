"""The corpus: which samples there are, and in which stores each of them can be found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from specformer.genes import N_SPECIAL, PAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from specformer.train._store import RankStore

_DEVICE_SHARE = 0.25
"""Share of an accelerator's free memory that ranks may take; larger stores are read row by row."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Samples in one or several rank stores: cohorts with different genes, and schemes of the same samples.

    Parameters
    ----------
    stores
        What was ranked.
    samples
        str (n,): the distinct samples, in the order in which they are first met.
    rows
        int64 (n, n_stores): the row of each sample in each store, -1 where it is not there.
    patients
        str (n,): whose each sample is; its own name where nobody said.
    """

    stores: Sequence[RankStore]
    samples: np.ndarray
    rows: np.ndarray
    patients: np.ndarray
    _resident: dict[tuple[int, str], torch.Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, stores: Sequence[RankStore], patient_of: Mapping[str, str] | None = None) -> Corpus:
        """The corpus of some stores; rows of one name are one sample, `patient_of` says whose by its name.

        Raises
        ------
        ValueError
            If a name stands twice in one store, so that nobody could tell which row is meant.
        """
        for store in stores:
            names, n_times = np.unique(store.samples, return_counts=True)
            if (n_times > 1).any():
                msg = (
                    f"Sample names stand more than once in {store.scheme!r}: {', '.join(names[n_times > 1][:5])}. "
                    "Run `adata.obs_names_make_unique()`."
                )
                raise ValueError(msg)
        samples = pd.unique(np.concatenate([store.samples for store in stores]))
        rows = np.stack([pd.Index(store.samples).get_indexer(samples) for store in stores], axis=1)
        patients = np.array([(patient_of or {}).get(sample, sample) for sample in samples.tolist()])
        return cls(list(stores), samples, rows, patients)

    def __len__(self) -> int:
        return len(self.samples)

    def draw_stores(self, samples: np.ndarray, rng: torch.Generator) -> np.ndarray:
        """One of its stores for each of some samples, all alike probable: int64, numbers of stores."""
        present = self.rows[samples] >= 0
        n = present.sum(axis=1)
        draw = torch.rand(len(samples), generator=rng, device=rng.device).cpu().numpy()
        chosen = np.minimum((draw * n).astype(np.int64), n - 1)
        # The chosen-th of those that are present.
        return (np.cumsum(present, axis=1) > chosen[:, None]).argmax(axis=1)

    def ranks(self, store: int, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """Ranks of some rows of a store, int32 (n, G), on the device."""
        held = self._held(store, device)
        taken = held[torch.from_numpy(rows).to(held.device)].to(device)
        # Torch computes with few unsigned types: the bits were taken as signed, and are put right here.
        return taken.int() & 0xFFFF if taken.dtype == torch.int16 else taken

    def windows(
        self, store: int, rows: np.ndarray, starts: np.ndarray, *, size: int, device: torch.device
    ) -> torch.Tensor:
        """Windows of gene tokens in the order of their ranks, int64 (n, size); [PAD] behind the last rank.

        One scatter of static shape: each gene whose rank falls into the window goes to its place there, all others
        to a last column that is cut off.
        """
        place = self.ranks(store, rows, device) - torch.from_numpy(starts).to(device, torch.int32)[:, None]
        place = place.masked_fill((place < 0) | (place > size), size).long()
        tokens = torch.from_numpy(self.stores[store].genes + N_SPECIAL).to(device)
        windows = torch.full((len(rows), size + 1), PAD, dtype=torch.int64, device=device)
        return windows.scatter_(1, place, tokens.expand_as(place))[:, :size]

    def _held(self, store: int, device: torch.device) -> torch.Tensor:
        key = (store, str(device))
        if key not in self._resident:
            ranks = self.stores[store].ranks
            signed = ranks.view(np.int16 if ranks.dtype == np.uint16 else np.int32)
            if not signed.flags.writeable:
                # A private mapping of the same pages: torch wants to be able to write, and never does.
                signed = _private(signed)
            held = torch.from_numpy(signed)
            if device.type == "cuda" and signed.nbytes < _DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]:
                held = held.to(device)
            self._resident[key] = held
        return self._resident[key]


def _private(ranks: np.ndarray) -> np.ndarray:
    if isinstance(ranks, np.memmap) and ranks.filename is not None:
        return np.memmap(ranks.filename, ranks.dtype, mode="c", offset=ranks.offset, shape=ranks.shape)
    return ranks.copy()
