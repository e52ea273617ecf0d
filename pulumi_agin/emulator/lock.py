"""The lock that keeps a second emulator off a file. It ends with the process, however that ends."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class FileLock:
    """A lock on `FILE.lock`, as each save replaces the file itself. `FILE.lock` goes when the lock is given back.

    Windows, and some network file systems, have no such locks: there it keeps nobody out, and on Windows it stays.
    """

    def __init__(self, file: Path) -> None:
        self._path = file.with_name(file.name + ".lock")
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object has it. It has not any more where somebody removed the file, or its folder."""
        return self._descriptor is not None and _is_at(self._descriptor, self._path)

    def acquire(self) -> None:
        """Takes it, at once or not at all.

        Raises:
            BlockingIOError: Another one has it, in this process or another.
            OSError: The folder cannot be written.
        """
        while not self.is_held:
            self.release()
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # Whoever had it may have removed the file just before: then a lock on it keeps nobody out.
                _lock(self._descriptor)
            except BaseException:
                os.close(self._descriptor)
                self._descriptor = None
                raise

    def release(self) -> None:
        """Gives it back. Harmless where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            # Somebody may have removed the file, and another emulator made it again.
            if _is_at(descriptor, self._path):
                os.unlink(self._path)
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
