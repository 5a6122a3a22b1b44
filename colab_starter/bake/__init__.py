"""What plain cookiecutter loads: the standard library, Jinja and cookiecutter itself, nothing else."""
