"""Room on a disk: bytes, and inodes, of which each file takes one."""

import errno
import os
import re
from pathlib import Path

ROOM = 256 * 1024
"""Bytes that must be free for an attempt to start: the ends of all that run are to be written too."""
INODES = 16
"""Inodes that must be free for it: the run's folder and files, each of them for a moment under a second name."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What the system answers where a disk is full, or what a user may take of it."""

_TOLD = re.compile(
    rf"{os.strerror(errno.ENOSPC)}|{os.strerror(errno.EDQUOT)}|\berrno\W{{1,4}}({errno.ENOSPC}|{errno.EDQUOT})\b",
    re.IGNORECASE,
)


def check_room(folder: Path) -> None:
    """Raise OSError (ENOSPC) where the disk of a folder is nearly full, in either way."""
    if lack := _find_lack(folder):
        raise OSError(errno.ENOSPC, lack, str(folder))


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder is nearly full. Raises OSError."""
    return bool(_find_lack(folder))


def _find_lack(folder: Path) -> str:
    """What there is no room for, in the system's words; empty where there is room."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < ROOM:
        return os.strerror(errno.ENOSPC)
    if disk.f_files and disk.f_favail < INODES:  # some file systems count none
        return f"{os.strerror(errno.ENOSPC)}: out of inodes, it holds too many files"
    return ""


def tells_of_no_space(text: str) -> bool:
    """Whether an error's message says that a disk was full, as Python, the system and HDF5 word it."""
    return _TOLD.search(text) is not None
