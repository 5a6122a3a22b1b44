# %% [markdown]
# # {{ cookiecutter.project_name | markdown_text | placeholder("project_name") }}: {{ about.title }}
#:: if cookiecutter.github_repository
#
# {{ open_badges(cookiecutter.github_repository, cookiecutter.github_branch, "notebooks/" ~ lesson ~ ".ipynb") }}
#:: endif
#
# {{ about.summary }}
#
#:: if about.learn is defined
# **What you will learn**
#
#:: for goal in about.learn
# - {{ goal }}
#:: endfor
#
# **How to run it**
#
#:: endif
# - **To run it all:** Runtime > Run all.
#:: if about.time is defined
# - **How long it takes:** {{ about.time }}
#:: endif
#:: if accelerator == "none"
# - It needs no GPU.
# - **On Kaggle:** Run > Run all. Internet access (Settings > Turn on internet) needs an account with a verified phone number; the notebook runs without it, too.
#:: else
#:: set machine = (accelerator if "TPU" in accelerator else accelerator ~ " GPU") | placeholder("machine")
# - **For speed:** Runtime > Change runtime type > {{ machine }}. Without it everything still runs, only slower.
# - **On Kaggle:** Run > Run all. A {{ 'TPU' if 'TPU' in accelerator else 'GPU' }} ({{ kaggle_accelerator | placeholder("kaggle_machine") }}) and internet access (Settings > Turn on internet) need an account with a verified phone number; the notebook runs without them, too.
#:: endif
#
#:: if cookiecutter.colab_runtime == "latest"
# *Made for the latest Colab runtime. If a later one breaks something, pick an older one: Runtime > Change runtime type > Runtime version.*
#:: else
# *Made for the Colab runtime {{ cookiecutter.colab_runtime | placeholder("runtime") }}: Runtime > Change runtime type > Runtime version > {{ cookiecutter.colab_runtime | placeholder("runtime") }}.*
#:: endif
