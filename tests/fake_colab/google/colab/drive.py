"""``mount`` as Colab's behaves; FAKE_DRIVE says how it goes, FAKE_DRIVE_HOME where My Drive is."""

import os
import time
from pathlib import Path


class MessageError(Exception):
    """What Colab raises when the user closes the permission dialog."""


def mount(mountpoint: str) -> None:
    outcome = os.environ["FAKE_DRIVE"]
    if outcome == "works":
        Path(mountpoint, "MyDrive").mkdir(parents=True)
        print("Mounted at", mountpoint)
    elif outcome == "refused":
        raise MessageError("Error: credential propagation was unsuccessful")
    elif outcome == "times out":
        raise ValueError("mount failed: timeout during initial read of root folder")
    elif outcome == "hangs":
        time.sleep(600)  # the real one waits 120 s where no browser answers
    else:
        raise AssertionError("mount must not be called here")
