"""A folder for PYTHONPATH: modules that are quicker to import than those they stand for.

For the driver, and for a cluster that it starts; kernels get the real ones.
"""

from pathlib import Path

FOLDER = str(Path(__file__).parent)
