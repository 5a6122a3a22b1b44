"""The entry point of the command ``colab-starter``, and of ``python -m colab_starter``."""

import gc
import sys


def main() -> None:
    """Run the command in sys.argv; see ``cli.main``."""
    if sys.argv[1:2] == ["run"]:
        from colab_starter.run.kernels.launch import launch_early

        launch_early(sys.argv[1:])
    gc.disable()  # an eighth of the time in which thousands of lasting objects are made
    try:
        from colab_starter.cli import main as run_command  # imported while the fork server imports its own modules
    except KeyboardInterrupt:  # Ctrl-C before the command has begun
        sys.exit(130)
    gc.freeze()
    gc.enable()
    run_command()


if __name__ == "__main__":
    main()
