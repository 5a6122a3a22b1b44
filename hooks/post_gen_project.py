"""Remove the folder that most presets leave empty, and say the next steps.

Only os is imported: the start of this script is a good part of what a bake costs.
"""

import os

# {% filter translated("hooks/post_gen_project.py") %}

if os.path.isdir("scripts") and not os.listdir("scripts"):
    os.rmdir("scripts")

notebook = "notebooks/" + min(os.listdir("notebooks"))
project = os.path.basename(os.getcwd())
repository = "{{ cookiecutter.github_repository }}"
sweep = notebook.replace("notebooks/", "sweeps/").replace(".ipynb", ".yaml")
where = f"push it to https://github.com/{repository} and click a badge in README.md"
print(f"""
Your notebooks are in {project}/notebooks.

In Colab:     {where if repository else "https://colab.research.google.com, then File > Upload notebook"}
On this machine:
    cd {project}
    pip install -r requirements.txt
    papermill {notebook} out.ipynb
With many parameters:
    pip install colab-starter
    colab-starter run {notebook} --sweep {sweep}
""")
# {% endfilter %}
