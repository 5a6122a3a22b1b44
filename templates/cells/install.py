# %% cellView="form"
# @title Which packages are missing?
# needed: the name to import, and the package that pip would install.
import importlib.util
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from packaging.requirements import Requirement

needed = {{ about.pip | python_dict }}
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


missing = [package for name, package in needed.items() if not importlib.util.find_spec(name)]
missing += [package for package in extra if not is_installed(package)]
print("Missing packages:", ", ".join(missing) or "none")

# %% cellView="form"
# @title Install them with pip, and replace nothing that is in use
import subprocess
import tempfile

in_use = {name.partition(".")[0] for name in sys.modules}
in_use |= {"numpy", "pandas", "torch", "tensorflow", "keras", "jax", "jaxlib", "google", "cv2"}
if missing:
    modules = packages_distributions().items()
    keep = {name for module, names in modules if module in in_use for name in names}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(f"{name}=={version(name)}" for name in sorted(keep)))
        pip = [sys.executable, "-m", "pip", "install", "--no-color", "--constraint", constraints]
        answer = subprocess.run([*pip, *missing], capture_output=True, text=True)
    if answer.returncode:
        output = answer.stdout[-1500:] + answer.stderr[-1500:]
        raise RuntimeError(f"pip could not install {', '.join(missing)}:\n{output}")
    importlib.invalidate_caches()
    print("Installed:", ", ".join(missing))

# %% cellView="form"
# @title The same for programs, with apt
import os
import shutil

programs = {{ about.apt | python_dict }}
extra = {{ cookiecutter.extra_apt_packages | split_packages | python_literal }}

missing = [package for program, package in programs.items() if not shutil.which(program)]
if shutil.which("dpkg"):
    for package in extra:
        status = subprocess.run(["dpkg", "--status", package], capture_output=True)
        missing += [package] if status.returncode else []
print("Missing programs:", ", ".join(missing) or "none")

if missing and not os.access("/var/lib/dpkg", os.W_OK):
    raise RuntimeError(f"Type this, then run again: sudo apt-get install {' '.join(missing)}")
if missing:
    subprocess.run(["apt-get", "--quiet", "update"], capture_output=True)
    apt = ["apt-get", "--quiet", "install", "--yes", "--no-install-recommends", *missing]
    answer = subprocess.run(apt, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"apt could not install {', '.join(missing)}:\n{answer.stderr[-1500:]}")
