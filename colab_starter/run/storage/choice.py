"""Choosing the store for the value of ``--out``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from colab_starter.errors import NoRunsFolderError
from colab_starter.run.space import NO_SPACE
from colab_starter.run.storage.address import is_address, read_path
from colab_starter.run.storage.store import LocalStore, Store


def open_store(place: str | os.PathLike[str]) -> Store:
    """The store at a path or an address; it is not contacted yet.

    Raises StoreAddressError for an address that is not valid, or whose library is not installed.
    """
    text = os.fspath(place)
    if is_address(text):
        # Imported here because it takes longer to import than everything a local sweep needs.
        from colab_starter.run.storage.remote import RemoteStore

        return RemoteStore(text)
    return LocalStore(read_path(text))


@contextmanager
def reach(store: Store) -> Iterator[None]:
    """Turn errors that prevent reading or writing a store into NoRunsFolderError."""
    try:
        yield
    except NotADirectoryError:
        raise NoRunsFolderError(f"{store.name} is a file; choose a folder with --out") from None
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "free some space" if error.errno in NO_SPACE else "fix that"
        raise NoRunsFolderError(
            f"{store.name} cannot be read and written ({reason}); {remedy}, or choose another --out"
        ) from None
