"""Writing files so that an interruption, a full disk or a read-only folder loses nothing."""

import errno
import os
import tempfile
from pathlib import Path

REASONS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your disk quota is used up: free some space",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "you may not write there: change the folder's permissions or choose another one",
    errno.EPERM: "you may not write there: change the folder's permissions or choose another one",
}


class WriteError(OSError):
    """A file could not be written; the file that was there before, if any, is untouched."""


def write_atomically(path: Path | str, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step: a reader sees the old file or the new one, never a part.

    Missing parent folders are made.

    Raises:
        WriteError: with one sentence that says what stands in the way and what to do.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        reason = REASONS.get(error.errno, f"{error.strerror}: check the folder")
        raise WriteError(error.errno, f"cannot write {path}: {reason}, then run again. Nothing was changed") from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
