# %% cellView="form"
# @title Where do the results go?
from pathlib import Path


def open_drive():
    """The folder on Google Drive; None where it cannot be had, and then it says why."""
    import sys

    my_drive = Path("/content/drive/MyDrive")
    if not my_drive.is_dir() and "google.colab" not in sys.modules:
        print("Google Drive needs a Colab tab in a browser, and there is none here.")
        return None
    try:
        if not my_drive.is_dir():
            from google.colab import drive

            drive.mount("/content/drive")
        folder = my_drive.resolve(strict=True) / drive_folder.lstrip("/")
        (folder / output_dir).mkdir(parents=True, exist_ok=True)
        return folder
    except Exception as error:
        problem = "cannot be written" if my_drive.is_dir() else f"was not mounted. {type(error).__name__}"
        print(f"Google Drive {problem}: {error}")


drive_home = open_drive() if use_drive else None
kaggle = Path("/kaggle/working")
home = drive_home or (kaggle if kaggle.is_dir() else Path.cwd())
results_dir = (home / output_dir).resolve()
results_dir.mkdir(parents=True, exist_ok=True)
no_drive = "no, and Colab's own disk is wiped when the session ends" if use_drive else "not asked for (use_drive is off)"
no_drive = "no, this is Kaggle; choose Save Version to keep the results" if home == kaggle else no_drive
print(f"Google Drive: {drive_home or no_drive}\nResults go to {results_dir}")
