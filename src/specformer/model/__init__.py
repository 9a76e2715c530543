"""From windows of genes to vectors, and what is on disk (torch)."""

from __future__ import annotations

from specformer.model._anchor import LinearAnchor
from specformer.model._backend import fast_inference
from specformer.model._checkpoint import Pretrained, load, seen_in_pretraining
from specformer.model._config import PRESETS, SpecformerConfig
from specformer.model._encoder import SpecformerModel, WindowOutput
from specformer.model._from_bert import from_bert
from specformer.model._head_files import load_head, save_head
from specformer.model._heads import Head
from specformer.model._losses import cox_loss
from specformer.model._masked_genes import MaskedGenesOutput, SpecformerForMaskedGenes
from specformer.model._panel import GenePanel
from specformer.model._samples import SampleOutput, SpecformerForSamples
from specformer.model._save import save
from specformer.model._windows import take_windows, window_starts, window_view

__all__ = [
    "PRESETS",
    "GenePanel",
    "Head",
    "LinearAnchor",
    "MaskedGenesOutput",
    "Pretrained",
    "SampleOutput",
    "SpecformerConfig",
    "SpecformerForMaskedGenes",
    "SpecformerForSamples",
    "SpecformerModel",
    "WindowOutput",
    "cox_loss",
    "fast_inference",
    "from_bert",
    "load",
    "load_head",
    "save",
    "save_head",
    "seen_in_pretraining",
    "take_windows",
    "window_starts",
    "window_view",
]
