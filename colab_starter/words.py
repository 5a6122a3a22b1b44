"""Lists of names, written as running text."""


def split_words(text: str) -> frozenset[str]:
    """The words of the text."""
    return frozenset(text.split())
