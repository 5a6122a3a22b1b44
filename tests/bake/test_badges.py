from urllib.parse import parse_qs, urlsplit

from colab_starter.bake.badges import colab_badge, kaggle_badge, kaggle_url, open_badges
from colab_starter.open_in_colab import colab_url

NASTY = ("ada/digits", "feature/#1+2", "my notebooks/ä&b.ipynb")


def test_the_badge_of_colab_leads_to_the_address_that_the_command_prints() -> None:
    assert colab_badge(*NASTY).endswith(f"({colab_url(*NASTY)})")


def test_the_badge_of_kaggle_names_the_file_itself() -> None:
    assert kaggle_url("ada/digits", "main", "notebooks/keras.ipynb") == (
        "https://kaggle.com/kernels/welcome?src=https://raw.githubusercontent.com/ada/digits/main/notebooks/keras.ipynb"
    )


def test_kaggle_reads_the_address_of_the_file_as_it_was_meant() -> None:
    (source,) = parse_qs(urlsplit(kaggle_url(*NASTY)).query)["src"]
    file = "ada/digits/feature/%231%2B2/my%20notebooks/%C3%A4%26b.ipynb"
    assert source == f"https://raw.githubusercontent.com/{file}"


def test_the_badges_stand_side_by_side() -> None:
    assert open_badges(*NASTY) == f"{colab_badge(*NASTY)} {kaggle_badge(*NASTY)}"
