"""Questions with a fixed list of answers."""

from collections.abc import Sequence

from colab_starter.text import suggest


def unknown_choice(question: str, answer: str, choices: Sequence[str]) -> str:
    """The message for an answer that is not one of the choices; it suggests the nearest and lists all of them."""
    near = suggest(answer, choices)
    hint = f"did you mean {near!r}? " if near else ""
    return f"unknown {question} {answer!r}: {hint}choose one of {', '.join(choices)}"
