"""Runs a command with COTERIE_TEST_SESSION set to a Spark Connect server on a standalone cluster of two workers.

usage: python tests/cluster/connect.py pytest -n 0 ...
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.cluster.standalone import Standalone

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Standalone(Path(folder)) as cluster, cluster.connect_server() as address:
        environment = {**os.environ, "COTERIE_TEST_SESSION": address}
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
