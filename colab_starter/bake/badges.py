"""The badges that open a notebook of a GitHub repository in Colab or on Kaggle, in Markdown."""

from urllib.parse import quote

from colab_starter.open_in_colab import colab_url


def open_badges(repository: str, branch: str, path: str) -> str:
    """Both badges, side by side; ``repository`` is ``owner/repo``."""
    return f"{colab_badge(repository, branch, path)} {kaggle_badge(repository, branch, path)}"


def colab_badge(repository: str, branch: str, path: str) -> str:
    """The Open in Colab badge."""
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})]({colab_url(repository, branch, path)})"


def kaggle_badge(repository: str, branch: str, path: str) -> str:
    """The Open in Kaggle badge."""
    image = "https://kaggle.com/static/images/open-in-kaggle.svg"
    return f"[![Open in Kaggle]({image})]({kaggle_url(repository, branch, path)})"


def kaggle_url(repository: str, branch: str, path: str) -> str:
    """The address at which Kaggle copies a notebook of a GitHub repository into a new notebook of the user's."""
    notebook = f"https://raw.githubusercontent.com/{repository}/{quote(branch)}/{quote(path)}"
    return f"https://kaggle.com/kernels/welcome?src={quote(notebook, safe=':/')}"
