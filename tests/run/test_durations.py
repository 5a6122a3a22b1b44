import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.run.durations import format_duration, read_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("90s", 90), ("10m", 600), ("2h", 7200), ("0.5h", 1800), (" 2 M ", 120)]
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert read_duration(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1d", "h", "nan", "inf", "1h30"])
def test_what_is_no_length_of_time_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(WrongOptionError, match=r"--timeout .* is not a duration; write 30, 90s, 10m or 2h"):
        read_duration(text, "--timeout")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1:00 min"), (185, "3:05 min"), (7385, "2:03:05 h")],
)
def test_lengths_of_time_are_written_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
