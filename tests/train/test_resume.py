from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("_run.py")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("interrupted_runs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data(cohort, tmp_path):
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    return tmp_path / "cohort.h5ad"


def weights(run):
    return (run / "model" / "model.safetensors").read_bytes()


def history(run):
    """What was logged, without what is of the clock, and without losses whose first steps were logged by another process."""
    logged = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return {
        (e["step"], name): e[name] for e in logged for name in ("eval_loss", "eval_top10", "learning_rate") if name in e
    }


def in_a_process(mode, data, folder):
    """Each run in a process of its own, as a user's is: what other code did to the floating-point state stays out."""
    return subprocess.run([sys.executable, SCRIPT, mode, data, folder], capture_output=True, check=False)


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(data, tmp_path):
    whole = in_a_process("whole", data, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr.decode()
    killed = in_a_process("kill", data, tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert sorted(p.name for p in (tmp_path / "killed").glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-8"]
    # The newest is damaged as well: the one before it has to do.
    newest = tmp_path / "killed" / "checkpoint-8" / "optimizer.pt"
    newest.write_bytes(newest.read_bytes()[:-10])
    resumed = in_a_process("whole", data, tmp_path / "killed")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert "checkpoint-8 is passed over: optimizer.pt has" in resumed.stderr.decode()
    assert "resuming from" in resumed.stderr.decode()
    assert "checkpoint-4" in resumed.stderr.decode()

    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    last = [load_file(tmp_path / run / "checkpoint-14" / "model.safetensors") for run in ("whole", "killed")]
    assert all((last[0][name] == last[1][name]).all() for name in last[0])

    # Weights that never moved would be equal too.
    fresh = load_file(tmp_path / "whole" / "checkpoint-12" / "model.safetensors")
    assert any((last[0][name] != fresh[name]).any() for name in fresh)


def test_two_processes_resume(data, tmp_path):
    """Gloo on one machine; weights equal bit for bit, for the sum of two gradients has no order."""
    launched = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            SCRIPT,
            "two",
            data,
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert launched.returncode == 0, launched.stderr[-4000:]
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    assert history(tmp_path / "stopped") == history(tmp_path / "whole")
    checkpoint = tmp_path / "stopped" / "checkpoint-8"
    assert sorted(p.name for p in checkpoint.glob("rng_state*")) == ["rng_state_0.pth", "rng_state_1.pth"]
    noted = json.loads((checkpoint / "complete.json").read_text())
    assert {"rng_state_0.pth", "rng_state_1.pth", "genes.csv", "model.safetensors", "trainer_state.json"} <= set(noted)


def test_a_folder_with_another_run_is_refused(script, data, tmp_path):
    script.run(data, tmp_path / "run", args={"max_steps": 4})
    with pytest.raises(ValueError, match="holds a run with other objective; it cannot be resumed"):
        script.run(data, tmp_path / "run", args={"max_steps": 4}, random_offsets=False)
    from specformer.train import pretrain

    with pytest.raises(ValueError, match="holds checkpoint-4; `resume='never'` does not write over a run"):
        pretrain(
            data,
            script.CONFIG,
            output_dir=tmp_path / "run",
            validation=0.2,
            objective_options={"random_offsets": True, "n_validation_windows": 2},
            resume="never",
        )
