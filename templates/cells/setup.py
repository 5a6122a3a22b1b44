# %% [markdown]
# ## Setup
#
# The next cells look at the machine, choose a folder for the results, install what is missing and try out the framework. Each can be run again at any time.
