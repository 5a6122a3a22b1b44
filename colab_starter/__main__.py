"""``python -m colab_starter``, the same as the command ``colab-starter``."""

from colab_starter.cli import main

if __name__ == "__main__":
    main()
