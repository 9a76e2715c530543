"""Fuzz the readers with atheris: `python fuzz/run.py TARGET [CASES]`; without a target, all of them one after the other.

Code of the package is instrumented, so that inputs that reach new lines are bred from. Address space is limited to 1 GiB
above what the imports take: a file that makes a reader ask for more ends the run.
"""

from __future__ import annotations

import collections
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["specformer"]):
    import targets

HEADROOM = 2**30


def fuzz(name: str, n_cases: int) -> None:
    """Run one target; the process ends within atheris."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    target, outcomes = getattr(targets.Targets(folder), name), collections.Counter()
    targets.watch(folder)
    size = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmSize" in line)
    resource.setrlimit(resource.RLIMIT_AS, (size * 1024 + HEADROOM,) * 2)

    def one(data: bytes) -> None:
        outcomes[targets.attempt(target, data)] += 1
        n = sum(outcomes.values())
        if n == n_cases:
            said = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in ("read", "refused"))
            print(f"{name}: {n:,} cases, {said}, no finding", flush=True)
            os._exit(0)

    atheris.Setup(["fuzz", "-runs=-1", "-max_len=400", "-verbosity=0", "-timeout=1200", "-rss_limit_mb=0"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    n_cases = int(arguments.pop()) if arguments and arguments[-1].isdigit() else 100_000
    if arguments:
        fuzz(arguments[0], n_cases)
    failed = [
        name
        for name in targets.NAMES
        if subprocess.run([sys.executable, __file__, name, str(n_cases)], check=False).returncode
    ]
    sys.exit(f"findings in {failed}" if failed else 0)
