# %% cellView="form"
# @title Is Google Drive here?
import sys
from pathlib import Path


def find_drive():
    """The My Drive folder, mounted first if need be; None where there is no Drive."""
    my_drive = Path("/content/drive/MyDrive")
    if my_drive.is_dir():
        return my_drive
    if "google.colab" not in sys.modules:
        print("Google Drive needs a Colab tab in a browser, and there is none here.")
        return None
    from google.colab import drive

    try:
        drive.mount("/content/drive")
    except Exception as error:
        print(f"Google Drive was not mounted. {type(error).__name__}: {error}")
    return my_drive if my_drive.is_dir() else None


drive_home = find_drive() if use_drive else None
print("Google Drive:", drive_home or ("no" if use_drive else "not asked for (use_drive is off)"))

# %% cellView="form"
# @title Where do the results go?
home = Path.cwd()
if drive_home:
    try:
        (drive_home / drive_folder).mkdir(parents=True, exist_ok=True)
        home = drive_home / drive_folder
    except OSError as error:
        print(f"Google Drive cannot be written: {error}")

output_dir = (home / output_dir).resolve()
output_dir.mkdir(parents=True, exist_ok=True)
print("Results go to", output_dir)
if use_drive and home == Path.cwd():
    print("This is the machine's own disk: on Colab it is wiped when the session ends.")
