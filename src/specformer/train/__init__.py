"""Pretraining: rank stores, objectives, and transformers' Trainer between them; and heads on frozen vectors (torch)."""

from __future__ import annotations

from specformer.train._corpus import Corpus
from specformer.train._fine_tune import fine_tune
from specformer.train._fit_head import fit_head
from specformer.train._masked_genes import MaskedGenes
from specformer.train._masking import mask_genes
from specformer.train._objective import Objective
from specformer.train._pretrain import pretrain
from specformer.train._store import RankStore, rank_store
from specformer.train._trainer import ObjectiveTrainer
from specformer.train._vocabulary import build_vocabulary
from specformer.train._whole_profile import WholeProfile

__all__ = [
    "Corpus",
    "MaskedGenes",
    "Objective",
    "ObjectiveTrainer",
    "RankStore",
    "WholeProfile",
    "build_vocabulary",
    "fine_tune",
    "fit_head",
    "mask_genes",
    "pretrain",
    "rank_store",
]
