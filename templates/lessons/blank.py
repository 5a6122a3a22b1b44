#:: extends "notebook.py"
#:: set lesson = "blank"
#:: block lesson
# %% [markdown] id="lesson"
# ## Your lesson
#
# Write it here. Put numbers worth comparing into `results`, and files into `output_dir`.

# %% id="start"
results = {}
#:: endblock
