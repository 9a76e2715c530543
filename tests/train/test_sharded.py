from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

fsdp = pytest.importorskip("torch.distributed.fsdp")


@pytest.mark.skipif(not hasattr(fsdp, "fully_shard"), reason="this torch has no FSDP2")
def test_a_model_spread_over_two_processes_learns_as_the_whole_one(tmp_path):
    """FSDP itself, over gloo: accelerate turns it on for accelerators alone."""
    script = Path(__file__).with_name("_sharded.py")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run([*launch, script, tmp_path / "figures"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    whole, loss, after, error, share = map(float, (tmp_path / "figures").read_text().split())
    assert loss == pytest.approx(whole, rel=1e-6)
    assert error < 1e-6
    assert share == pytest.approx(0.5)
    assert after < loss
