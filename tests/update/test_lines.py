"""Merging text: what both sides wrote is kept, and only the same lines are a conflict."""

import random
import subprocess
from pathlib import Path

import pytest

from colab_starter.update.lines import merge_text
from tests.update.trials import change_lines, make_lines

BASE = "a\nb\nc\nd\ne"


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        (BASE, "a\nB\nc\nd\ne", "a\nB\nc\nd\ne"),
        ("a\nB\nc\nd\ne", BASE, "a\nB\nc\nd\ne"),
        ("A\nb\nc\nd\ne", "a\nb\nc\nd\nE", "A\nb\nc\nd\nE"),
        ("a\nB\nc\nd\ne", "a\nb\nC\nd\ne", "a\nB\nC\nd\ne"),  # neighbours
        ("a\nb\nmine\nc\nd\ne", "a\nb\nC\nd\ne", "a\nb\nmine\nC\nd\ne"),
        ("a\nb\nmine\nc\nd\ne", "a\nB\nc\nd\ne", "a\nB\nmine\nc\nd\ne"),
        ("a\nX\nc\nd\ne", "a\nX\nc\nd\ne", "a\nX\nc\nd\ne"),
        ("a\nnew\nb\nc\nd\ne", "a\nnew\nb\nc\nd\ne", "a\nnew\nb\nc\nd\ne"),
        ("a\nc\nd\ne", "a\nb\nc\nD\ne", "a\nc\nD\ne"),
        ("", BASE, ""),
    ],
)
def test_changes_of_different_lines_are_both_kept(ours: str, theirs: str, merged: str) -> None:
    assert merge_text(BASE, ours, theirs) == (merged, 0)


def test_two_versions_of_the_same_lines_stand_between_markers() -> None:
    merged = merge_text(BASE, "a\nmine\nmine 2\nd\ne", "a\ntheirs\nc\nd\ne")
    assert merged == ("a\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> template\nmine 2\nd\ne", 1)


def test_a_line_that_one_side_deleted_and_the_other_changed_is_a_conflict() -> None:
    assert merge_text(BASE, "a\nb\nd\ne", "a\nb\nC\nd\ne").text == (
        "a\nb\n<<<<<<< yours\n=======\nC\n>>>>>>> template\nd\ne"
    )


def test_two_insertions_at_the_same_place_are_a_conflict_of_only_what_differs() -> None:
    merged = merge_text("a\nb", "a\nsame\nmine\nb", "a\nsame\ntheirs\nb")
    assert merged == ("a\nsame\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> template\nb", 1)


def test_conflicts_with_only_blank_lines_between_them_are_one() -> None:
    assert merge_text("a\n\nb", "A\n\nB", "1\n\n2").text == ("<<<<<<< yours\nA\n\nB\n=======\n1\n\n2\n>>>>>>> template")


def test_the_line_ends_of_windows_stay() -> None:
    assert merge_text("a\nb\nc\n", "a\r\nb\r\nmine\r\n", "A\nb\nc\n") == ("A\r\nb\r\nmine\r\n", 0)


def test_random_changes_merge_as_git_merges_them(tmp_path: Path) -> None:
    """Where git sees no conflict, there is none, and the text is the same; no line of either side is lost."""
    for seed in range(60):
        chance = random.Random(seed)
        base = make_lines(chance, 12)
        ours, theirs = (change_lines(chance, base, name) for name in ("mine", "theirs"))
        merged, conflicts = merge_text(*("\n".join(lines) for lines in (base, ours, theirs)))
        for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
            (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        git = subprocess.run(
            ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=tmp_path, capture_output=True, text=True
        )
        assert set(ours) - set(base) | set(theirs) - set(base) <= set(merged.split("\n")), seed
        if git.returncode == 0:
            assert (merged, conflicts) == (git.stdout.removesuffix("\n"), 0), seed
