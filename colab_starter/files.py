"""Writing files so that nobody ever reads half of one."""

import os
from pathlib import Path
from secrets import token_hex


def write_whole(path: Path, content: bytes) -> None:
    """Put the content in the file's place in one step; a file that was there keeps its mode, and its links.

    The content is on the disk before the name points to it. Raises OSError; then nothing has changed.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
