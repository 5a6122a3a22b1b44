"""Writing the files of an export."""

from pathlib import Path

from colab_starter.errors import ExportError
from colab_starter.files import write_whole


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step; its folder is made. Raises ExportError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, through_links=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> ExportError:
    """The error for a place that cannot be written."""
    return ExportError(f"{path} cannot be written ({error.strerror}); choose another place with -o")
