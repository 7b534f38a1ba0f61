"""How a function reaches a torch process."""

import pickle
import subprocess
import sys

from pyspark import cloudpickle

from coterie.content.launch import carried
from coterie.package import zipped

# A process in which the package cannot be found, as beside a cluster's worker that has it on Spark's own path only.
BARE = """
import pickle, sys
sys.path = [place for place in sys.path if not place.endswith("/lib")]
try:
    import coterie.content
    sys.exit("the package is there")
except ModuleNotFoundError:
    pass
run, work = pickle.loads(sys.stdin.buffer.read())
assert run(work) == 4
from coterie.content.plans import Wish
print(Wish.__module__)
"""


def test_a_process_that_lacks_the_package_gets_it_with_the_function() -> None:
    sent = cloudpickle.dumps((carried(zipped()), pickle.dumps((len, "four"))))
    done = subprocess.run([sys.executable, "-c", BARE], input=sent, capture_output=True, check=False)
    assert done.stdout.decode().strip() == "coterie.content.plans", done.stderr.decode()
