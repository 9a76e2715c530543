from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("_driver.py")
# One thread and one heap: what is allocated then depends on the work alone.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}
ROOM = 400_000


@pytest.fixture(scope="session")
def faults():
    """A function that gives what the process that ran into a fault found, as a dict with its `log`."""
    if sys.platform != "linux":
        pytest.skip("signals, forks and mounts as Linux has them")
    # Not below pytest's folder, which other users may not enter: one of the processes becomes another user.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        disk = folder / "disk"
        disk.mkdir()
        # A real file system with room for 400 kB where mounting is allowed. In containers where it is not, a limit of
        # the size of a file, which ends a write with a real error of the system too.
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(disk)]
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        environment = ENVIRONMENT | ({} if is_mounted else {"MOST_BYTES_OF_A_FILE": str(ROOM)})
        try:
            ran = subprocess.run(
                [sys.executable, DRIVER, folder, disk],
                capture_output=True, text=True, check=False, env=os.environ | environment,
            )  # fmt: skip
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", disk], check=True)
        assert ran.returncode == 0, ran.stderr

        def found(fault: str) -> dict:
            log, report = ((folder / f"{fault}{suffix}") for suffix in (".log", ".json"))
            assert report.is_file(), log.read_text()[-3000:]
            return json.loads(report.read_text()) | {"log": log.read_text(), "is_mounted": is_mounted}

        yield found
