class InputError(ValueError):
    """What is wrong with a parameter, and what to do. Jupyter shows this line, without a traceback."""

    def _render_traceback_(self):
        return [f"InputError: {self}"]
