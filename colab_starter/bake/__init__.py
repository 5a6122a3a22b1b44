"""Code that plain cookiecutter loads; it uses only the standard library, Jinja and cookiecutter itself."""
