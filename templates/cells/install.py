# %% cellView="form"
# @title Install what is missing
needed = {{ about.pip | python_dict }}
#:: if more_needed is defined
{{ more_needed }}
#:: endif
extra = {{ cookiecutter.extra_pip_packages | split_packages | python_literal }}


def install_missing():
    """Install what cannot be imported, and the extra packages; replace nothing that is in use."""
    import importlib.util, os, subprocess, sys
    from importlib import metadata
    from tempfile import TemporaryDirectory

    from packaging.requirements import Requirement

    missing = [package for module, package in needed.items() if not importlib.util.find_spec(module)]
    for wanted in map(Requirement, extra):
        found = [one.version for one in metadata.distributions(name=wanted.name)]
        missing += [] if found and wanted.specifier.contains(found[0], prereleases=True) else [str(wanted)]
    print("Missing packages:", ", ".join(missing) or "none")
    if missing:
        core = {"numpy", "pandas", "torch", "tensorflow", "keras", "jax", "jaxlib", "google", "cv2"}
        in_use = core | {name.partition(".")[0] for name in sys.modules}
        owners = {name for module, names in metadata.packages_distributions().items() if module in in_use for name in names}
        with TemporaryDirectory() as folder, open(f"{folder}/constraints.txt", "w") as constraints:
            print(*(f"{name}=={metadata.version(name)}" for name in owners), sep="\n", file=constraints, flush=True)
            pip = [sys.executable, "-m", "pip", "install", "--no-color", "--constraint", constraints.name]
            answer = subprocess.run([*pip, *missing], capture_output=True, text=True)
#:: if lenient is defined
            for package in list(missing) if answer.returncode else []:  # so that one that is gone keeps no other away
                alone = subprocess.run([*pip, package], capture_output=True, text=True)
                if alone.returncode:
                    missing.remove(package)
                    print(f"pip could not install {package}:\n{alone.stdout[-1500:]}{alone.stderr[-1500:]}")
#:: else
        if answer.returncode:
            hint = " (on Kaggle, first Settings > Turn on internet)" if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else ""
            raise RuntimeError(f"pip could not install {', '.join(missing)}{hint}:\n{answer.stdout[-1500:]}{answer.stderr[-1500:]}")
#:: endif
        importlib.invalidate_caches()
        print("Installed:", ", ".join(missing) or "none")


install_missing()
#:: if about.apt or cookiecutter.extra_apt_packages

# %% cellView="form"
# @title Install missing programs, with apt
programs = {{ about.apt | python_dict }}
extra_programs = {{ cookiecutter.extra_apt_packages | split_packages | python_literal }}


def install_programs():
    """Install the programs that are not here and the extra packages, or say what to type."""
    import os, shutil
    from subprocess import run

    missing = [package for program, package in programs.items() if not shutil.which(program)]
    for package in extra_programs if shutil.which("dpkg") else []:
        missing += [package] if run(["dpkg", "--status", package], capture_output=True).returncode else []
    print("Missing programs:", ", ".join(missing) or "none")
    if missing and not os.access("/var/lib/dpkg", os.W_OK):
#:: if lenient is defined
        print(f"Type this, if the notebook needs them here: sudo apt-get install {' '.join(missing)}")
        return
#:: else
        raise RuntimeError(f"Type this, then run again: sudo apt-get install {' '.join(missing)}")
#:: endif
    if missing:
        for step in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            answer = run(["apt-get", "--quiet", *step], capture_output=True, text=True)
        if answer.returncode:
            problem = f"apt could not install {', '.join(missing)}:\n{answer.stderr[-1500:]}"
#:: if lenient is defined
            print(problem)
#:: else
            raise RuntimeError(problem)
#:: endif
        else:
            print("Installed:", ", ".join(missing))


install_programs()
#:: endif
