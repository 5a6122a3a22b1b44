"""What belongs to a process that is dead is told by its name."""

from colab_starter.run.backends.names import is_left_over, is_own, own_name


def test_only_what_dead_processes_have_started_is_left_over() -> None:
    own = own_name(1)
    pid, start = own.split("-")[3:5]
    assert not is_left_over(own)
    assert not is_left_over("mine")
    assert is_left_over(own.replace(f"-{pid}-", "-999999999-"))
    assert is_left_over(own.replace(f"-{start}-", "-1-"))


def test_what_this_process_has_started_is_its_own() -> None:
    own = own_name(1)
    assert is_own(own)
    assert not is_own("mine")
    assert not is_own(own.replace(f"-{own.split('-')[3]}-", "-999999999-"))
