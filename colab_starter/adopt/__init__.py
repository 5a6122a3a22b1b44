"""``colab-starter adopt``: an existing notebook gets the first cells, a form and the results cell."""
