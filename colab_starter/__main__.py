"""The entry point of the command ``colab-starter``, and of ``python -m colab_starter``."""

import sys

from colab_starter.run.kernels.launch import launch_early


def main() -> None:
    """Run the command in sys.argv; see ``cli.main``."""
    launch_early(sys.argv[1:])
    from colab_starter.cli import main as run_command  # imported while the fork server imports its own modules

    run_command()


if __name__ == "__main__":
    main()
