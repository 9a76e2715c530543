"""Files and directories that are whole or not there, whatever happens to the process that writes them.

What is new is written beside its place, flushed to the disk, and renamed in one step. A process that is killed leaves the
old one as it was, and perhaps a hidden neighbour (`.name.…`) that nothing reads and that may be deleted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what is there when the block ends well takes the place of `path`."""
    path = Path(path).resolve()  # a link stays a link
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept, by which many writers choose their format.
    partial = path.with_name(f".{path.stem}.{token_hex(4)}{path.suffix}")
    try:
        yield partial
        if path.exists():
            shutil.copymode(path, partial)
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_directory(directory: str | Path) -> Iterator[Path]:
    """Yield an empty directory to fill; when the block ends well, it takes the place of `directory` with all in it."""
    directory = Path(directory).resolve()
    directory.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        yield written
        for path in [*written.rglob("*"), written]:
            _flush(path)
        written.chmod(0o755)
        _take_place(written, directory)
        _flush(directory.parent)
    finally:
        shutil.rmtree(written, ignore_errors=True)  # what was there before, if the two changed places


def _take_place(written: Path, directory: Path) -> None:
    try:
        written.rename(directory)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
    else:
        return
    if _exchange(written, directory):
        return
    # Some file systems cannot swap two directories in one step: the old one is out of the way for an instant, whole.
    previous = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent)) / "previous"
    directory.rename(previous)
    try:
        written.rename(directory)
    except OSError:
        previous.rename(directory)
        raise
    finally:
        shutil.rmtree(previous.parent, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two directories change places in one step; False where the system or the file system has no such step."""
    paths = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "linux":
            at_cwd, swap = -100, 2
            return ctypes.CDLL(None).renameat2(at_cwd, paths[0], at_cwd, paths[1], swap) == 0
        if sys.platform == "darwin":
            return ctypes.CDLL(None).renamex_np(*paths, 2) == 0
    except AttributeError:  # an older C library
        pass
    return False


def _flush(path: Path) -> None:
    if sys.platform == "win32":  # there, only what is open for writing can be flushed
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
