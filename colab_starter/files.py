"""Writing files so that no reader ever sees a partial one, and nothing is written through a symbolic link."""

import errno
import os
from pathlib import Path
from secrets import token_hex


def write_whole(path: Path, content: bytes, *, through_links: bool = False) -> None:
    """Replace a file by the content in one step; an existing file's mode is kept.

    A link is replaced itself; with ``through_links``, the file that it points to is replaced, for files that users have
    named themselves. The content is on the disk before the name points to it. Raises OSError; in that case, nothing has
    changed.
    """
    target = path.resolve() if through_links else path
    temporary = target.with_name(f".{target.name}.{token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and not target.is_symlink():
            os.chmod(temporary, target.stat().st_mode)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def open_itself(path: Path, flags: int, mode: int = 0o666) -> int:
    """Like ``os.open``, for a file that is not a link. For a link, raises an OSError that says so."""
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, f"{path.name} is a link, which is not followed; remove it", str(path)) from None


def cache_folder(name: str) -> Path:
    """A folder of ours below the one that the user's system has for caches; it may not exist yet."""
    from platformdirs import user_cache_path  # most processes of a sweep need no cache

    return user_cache_path("colab-starter", appauthor=False) / name
