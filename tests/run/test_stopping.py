import signal

import pytest

from colab_starter.run.stopping import StopLevel, StopSignals


@pytest.mark.parametrize(
    ("sent", "level", "status"),
    [
        ([signal.SIGINT], StopLevel.AFTER_CELLS, 130),
        ([signal.SIGINT, signal.SIGINT], StopLevel.NOW, 130),
        ([signal.SIGTERM], StopLevel.NOW, 143),
        ([signal.SIGHUP], StopLevel.AFTER_CELLS, 129),
        ([signal.SIGHUP, signal.SIGINT], StopLevel.NOW, 129),
        ([signal.SIGHUP, signal.SIGTERM], StopLevel.NOW, 129),
        ([signal.SIGINT, signal.SIGHUP], StopLevel.NOW, 130),
        ([signal.SIGINT, signal.SIGTERM], StopLevel.NOW, 130),
        ([], StopLevel.NO, 0),
    ],
)
def test_signals_say_how_fast_to_end_and_with_which_status(
    sent: list[signal.Signals], level: StopLevel, status: int
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals() as signals:
        for number in sent:
            signal.raise_signal(number)
    assert (signals.level, signals.exit_code) == (level, status)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGHUP)
        assert signals.level is StopLevel.NO
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("seconds", "level"), [(0.01, StopLevel.AFTER_CELLS), (5.0, StopLevel.NOW)])
def test_a_terminal_that_is_closed_counts_once_though_the_shell_and_the_system_both_say_so(
    seconds: float, level: StopLevel
) -> None:
    times = iter([100.0, 100.0 + seconds])
    with StopSignals(clock=lambda: next(times)) as signals:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
    assert (signals.level, signals.exit_code) == (level, 129)


def test_output_that_nobody_reads_lets_the_cells_end() -> None:
    with StopSignals() as signals:
        signals.note_closed_pipe()
        signals.note_closed_pipe()
        assert (signals.level, signals.exit_code) == (StopLevel.AFTER_CELLS, 141)
        signal.raise_signal(signal.SIGINT)
    assert (signals.level, signals.exit_code) == (StopLevel.NOW, 141)
