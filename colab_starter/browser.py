"""The user's web browser."""

from colab_starter.errors import NoBrowserError


def show_in_browser(url: str) -> None:
    """Open an address, which must already have been printed; raises NoBrowserError."""
    import webbrowser

    if not webbrowser.open(url):
        raise NoBrowserError("no web browser could be started here; copy the address above into one")
