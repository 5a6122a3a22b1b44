"""Causes, in one line for people."""

from pathlib import Path

import pytest

from colab_starter.run.worker.causes import describe_error, describe_log


def test_the_line_is_the_last_one_in_the_cell_itself() -> None:
    traceback = [
        "\x1b[31mValueError\x1b[39m",
        "Cell \x1b[32mIn[3], line 7\x1b[39m",
        "Cell In[2], line 4, in f(x)",
        "File ~/lib.py:99, in g(x)",
    ]
    reply = {"ename": "ValueError", "evalue": "bad\nstory", "traceback": traceback}
    assert describe_error(reply, 3, "cell 5") == "ValueError: bad (cell 5, line 7)"


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ({}, "the kernel gave no reason (cell 1)"),
        ({"ename": "E", "evalue": ""}, "E (cell 1)"),
        ({"ename": "", "evalue": "status 3"}, "status 3 (cell 1)"),
        (
            {"ename": "StdinNotImplementedError", "evalue": "raw_input was called, but this frontend does not"},
            "input() was called, but there is no one to answer; make it a parameter (cell 1)",
        ),
        (
            {"ename": "StdinNotImplementedError", "evalue": "getpass was called, but this frontend does not"},
            "getpass() was called, but there is no one to answer; set an environment variable, and read it with "
            "os.environ (cell 1)",
        ),
        ({"ename": "SyntaxError", "evalue": "bad (123456.py, line 2)"}, "SyntaxError: bad (cell 1)"),
    ],
)
def test_what_the_kernel_leaves_out_is_left_out(reply: dict[str, str], cause: str) -> None:
    assert describe_error(reply, 1, "cell 1") == cause


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", ""),
        ("starting\n\nterminate called after std::bad_alloc\n\n", "terminate called after std::bad_alloc"),
        ("free(): invalid pointer\nFatal Python error: Aborted\n\nThread 0x1:\n  File x\n", "free(): invalid pointer"),
        ("Fatal Python error: Segmentation fault\n\nThread 0x1:\n", ""),
        ("x" * 100_000 + "\nlast", "last"),
    ],
)
def test_the_last_thing_that_a_kernel_wrote_is_found(tmp_path: Path, log: str, said: str) -> None:
    path = tmp_path / "kernel.log"
    path.write_text(log)
    assert describe_log(path) == said


def test_no_log_says_nothing(tmp_path: Path) -> None:
    assert describe_log(tmp_path / "none") == ""
