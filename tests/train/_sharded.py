"""What `test_sharded.py` runs in two processes: a step of a model whose parameters are spread over both (FSDP)."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import specformer as sf

dist.init_process_group("gloo")
torch.manual_seed(0)
size = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
config = sf.model.SpecformerConfig(vocab_size=200, window_size=32, stride=16, **size, **dropout)
model = sf.model.SpecformerForMaskedGenes(config).train()
ids = torch.randint(3, 200, (4, 32))
labels = torch.where(torch.rand(ids.shape) < 0.2, ids, -100)

whole = model(input_ids=ids, labels=labels).loss
whole.backward()
gradient = model.specformer.get_input_embeddings().weight.grad.clone()
model.zero_grad()

mesh = init_device_mesh("cpu", (2,))
for module in model.modules():
    if type(module).__name__ == "BertLayer":  # as in scripts/cluster/fsdp.yaml
        fully_shard(module, mesh=mesh)
fully_shard(model, mesh=mesh)
loss = model(input_ids=ids, labels=labels).loss
loss.backward()
held = model.specformer.get_input_embeddings().weight.grad
n_held, n_rows = held.to_local().shape[0], held.shape[0]
error = float((held.full_tensor() - gradient).abs().max())
torch.optim.AdamW(model.parameters(), lr=1e-3).step()
after = model(input_ids=ids, labels=labels).loss
if dist.get_rank() == 0:
    figures = (whole.detach(), loss.detach(), after.detach())
    Path(sys.argv[1]).write_text(" ".join(map(repr, [*map(float, figures), error, n_held / n_rows])))
dist.destroy_process_group()
