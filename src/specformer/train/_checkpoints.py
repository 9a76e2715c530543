"""Which checkpoint of a run can be believed: each is sealed when all of it is on disk, and checked before it is read."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from specformer._logging import logger
from specformer.model._checkpoint import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

SEAL = "complete.json"


def seal(directory: Path) -> None:
    """Flush every file to disk, then note size and SHA-256 of each: the last file of a checkpoint to be written."""
    files = {}
    for path in _files(directory):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        files[path.relative_to(directory).as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    partial = directory / f".{SEAL}"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(files, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(directory / SEAL)


def damage(directory: Path) -> str | None:
    """What is wrong with a checkpoint, in words; None if it is whole."""
    try:
        noted = json.loads((directory / SEAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it was never finished"
    except (OSError, ValueError) as error:
        return f"{SEAL} cannot be read ({error})"
    for name, expected in noted.items():
        path = directory / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected["bytes"]:
            return f"{name} has {path.stat().st_size:,} bytes instead of {expected['bytes']:,}"
        if sha256_of(path) != expected["sha256"]:
            return f"{name} is damaged"
    return None


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first, whole or not."""
    found = [path for path in run.glob("checkpoint-*") if path.is_dir() and step_of(path) >= 0]
    return sorted(found, key=step_of)


def newest_intact(run: Path) -> Path | None:
    """The newest checkpoint that is whole; what is passed over on the way is logged."""
    for path in reversed(checkpoints(run)):
        wrong = damage(path)
        if wrong is None:
            return path
        logger.warning("%s is passed over: %s.", path, wrong)
    return None


def rotate(run: Path, limit: int | None, keep: Path | None = None) -> None:
    """Remove the oldest checkpoints beyond `limit`, and not `keep`. The newest two always stay.

    Should the newest turn out damaged, there is the one before it.
    """
    if not limit:
        return
    for path in checkpoints(run)[: -max(limit, 2)]:
        if keep is None or path.resolve() != keep.resolve():
            shutil.rmtree(path, ignore_errors=True)


def step_of(path: Path) -> int:
    """The step at which a checkpoint was made; -1 for a folder that is none."""
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.name not in (SEAL, f".{SEAL}"))
