"""Remove the folder that most presets leave empty, and say the next steps."""

from pathlib import Path

scripts = Path("scripts")
if scripts.is_dir() and not any(scripts.iterdir()):
    scripts.rmdir()

notebook = min(Path("notebooks").glob("*.ipynb"))
repository = "{{ cookiecutter.github_repository }}"
where = f"push it to https://github.com/{repository} and click the badge in README.md"
print(f"""
Your notebooks are in {{ cookiecutter.project_slug }}/notebooks.

In Colab:     {where if repository else "https://colab.research.google.com, then File > Upload notebook"}
On this machine:
    cd {{ cookiecutter.project_slug }}
    pip install -r requirements.txt
    papermill {notebook.as_posix()} out.ipynb
""")
