# %% cellView="form"
# @title Which packages are missing?
# needed: the name to import, and the package that pip would install.
import importlib.util
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from packaging.requirements import Requirement

needed = {{ about.pip | python_literal }}
#:: if more_needed is defined
{{ more_needed }}
#:: endif
extra = {{ cookiecutter.extra_pip_packages | split_packages | python_literal }}


def is_installed(package):
    """Is the package here, in the version asked for?"""
    wanted = Requirement(package)
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


missing = [package for name, package in needed.items() if importlib.util.find_spec(name) is None]
missing += [package for package in extra if not is_installed(package)]
print("Missing packages:", ", ".join(missing) or "none")

# %% cellView="form"
# @title Install them with pip, and replace nothing that is in use
import subprocess
import tempfile

core = {"numpy", "pandas", "torch", "tensorflow", "keras", "jax", "jaxlib", "google", "cv2"}  # google: protobuf
if missing:
    in_use = core | {name.partition(".")[0] for name in sys.modules}
    keep = {name for module, names in packages_distributions().items() if module in in_use for name in names}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(f"{name}=={version(name)}" for name in sorted(keep)))
        pip = [sys.executable, "-m", "pip", "install", "--no-color", "--constraint", constraints, *missing]
        answer = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode:
        raise RuntimeError(f"pip could not install {', '.join(missing)}:\n{answer.stdout[-2000:]}")
    importlib.invalidate_caches()
    print("Installed:", ", ".join(missing))

# %% cellView="form"
# @title The same for programs, with apt
import os
import shutil

programs = {{ about.apt | python_literal }}  # the program: its package
extra_apt = {{ cookiecutter.extra_apt_packages | split_packages | python_literal }}

missing = [package for program, package in programs.items() if not shutil.which(program)]
if shutil.which("dpkg"):
    missing += [p for p in extra_apt if subprocess.run(["dpkg", "--status", p], capture_output=True).returncode]
print("Missing programs:", ", ".join(missing) or "none")

if missing and not os.access("/var/lib/dpkg", os.W_OK):
    raise RuntimeError(f"Type this in a terminal, then run again: sudo apt-get install {' '.join(missing)}")
for step in [["update"], ["install", "--yes", "--no-install-recommends", *missing]] if missing else []:
    answer = subprocess.run(["apt-get", "--quiet", *step], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode and step[0] == "install":
        raise RuntimeError(f"apt could not install {', '.join(missing)}:\n{answer.stdout[-2000:]}")
