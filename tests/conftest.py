from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import specformer as sf

# Shared machines stall: no deadline per example. The seeds are printed on failure, so nothing is lost by drawing anew.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Progress bars would fill the log.
sf.settings.progress = False


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cohorts; tests that ask for it are skipped where it is not at hand."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SPECFORMER_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real cohorts in {folder}; set SPECFORMER_REAL_DATA to their folder")
    return folder
