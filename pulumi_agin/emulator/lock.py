"""The lock that keeps a second emulator from using a file. It ends with the process, even if that is killed."""

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
    """A lock on a file.

    Each save replaces the file, so the lock is on `FILE.lock`, which the release removes. On Windows and some network
    file systems there are no such locks, and nothing is protected. On Windows `FILE.lock` also remains.
    """

    def __init__(self, file: Path) -> None:
        """Takes no lock yet.

        Args:
            file: The file to protect.
        """
        self._path = file.with_name(file.name + ".lock")
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock. It no longer does if somebody removed `FILE.lock` or its folder."""
        return self._descriptor is not None and _is_at(self._descriptor, self._path)

    def acquire(self) -> None:
        """Takes the lock without waiting.

        Raises:
            BlockingIOError: It is held already, by this process or another.
            OSError: `FILE.lock` cannot be made.
        """
        while not self.is_held:
            self.release()
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # The last holder may have removed the file in between. The loop checks that.
                _lock(self._descriptor)
            except BaseException:
                os.close(self._descriptor)
                self._descriptor = None
                raise

    def release(self) -> None:
        """Releases the lock if it is held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            # If somebody removed the file, the current one belongs to another emulator.
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
