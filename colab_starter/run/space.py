"""Free space on a disk: bytes and inodes."""

import errno
import os
import re
from pathlib import Path

ROOM = 256 * 1024
"""Bytes that must be free to start an attempt: the outcomes of all running ones must be written too."""
INODES = 16
"""Inodes that must be free: for the run's folder and files, each of which briefly has a temporary copy."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""The system's errors when a disk, or the user's quota, is full."""

_TOLD = re.compile(
    rf"{os.strerror(errno.ENOSPC)}|{os.strerror(errno.EDQUOT)}|\berrno\W{{1,4}}({errno.ENOSPC}|{errno.EDQUOT})\b",
    re.IGNORECASE,
)


def check_room(folder: Path) -> None:
    """Raise OSError (ENOSPC) if the folder's disk is nearly out of bytes or inodes."""
    if lack := _find_lack(folder):
        raise OSError(errno.ENOSPC, lack, str(folder))


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder is nearly full. Raises OSError."""
    return bool(_find_lack(folder))


def _find_lack(folder: Path) -> str:
    """What the disk is running out of, in the system's words; empty if there is room."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < ROOM:
        return os.strerror(errno.ENOSPC)
    if disk.f_files and disk.f_favail < INODES:  # some file systems count none
        return f"{os.strerror(errno.ENOSPC)}: out of inodes, it holds too many files"
    return ""


def tells_of_no_space(text: str) -> bool:
    """Whether an error message says that a disk was full, as worded by Python, the system or HDF5."""
    return _TOLD.search(text) is not None
