"""Package-wide settings, from the environment (``SPECFORMER_*``) or by assignment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pooch
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What holds for every call in this process. Assignments are validated."""

    model_config = SettingsConfigDict(
        env_prefix="SPECFORMER_", validate_assignment=True, extra="forbid", use_attribute_docstrings=True
    )

    verbosity: Literal["error", "warning", "info", "debug"] = "info"
    """How much is logged: `"error"`, `"warning"`, `"info"` or `"debug"`."""

    cachedir: Path = Path(pooch.os_cache("specformer"))
    """Where downloads are kept."""

    mirror: str = ""
    """Address of a folder with copies of the public files, by their names, to download from; `""`: where they are
    published."""

    device: str = "auto"
    """Default device of everything that runs a model: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`."""

    n_threads: Annotated[int, Field(ge=0)] = 0
    """Threads of the ordering kernels; 0 takes all that numba is given. Results do not depend on it."""

    progress: bool = True
    """Whether progress bars are drawn."""

    max_upload_mb: Annotated[int, Field(gt=0)] = 200
    """Largest file, in megabytes, that the page of `specformer serve` takes."""


settings = Settings()
