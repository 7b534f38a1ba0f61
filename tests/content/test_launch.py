"""How a function reaches a torch process, and what is told where it fails."""

import pickle
import subprocess
import sys

from pyspark import cloudpickle

from coterie.content.launch import carried, reason
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


# What torchrun prints where a process of two ended with the exit code.
ENDED = """
[rank1]: Traceback (most recent call last):
[rank1]:   File "task.py", line 3, in <module>
[rank1]: coterie.content.task.TaskError: the disk is full
W1123 closing process 7 via signal SIGTERM
W1123 Unable to shutdown process 7 via 15, forcefully exiting via SIGKILL
torch.distributed.elastic.multiprocessing.errors.ChildFailedError: the launcher's own
============================================================
train.py FAILED
------------------------------------------------------------
  rank      : 1 (local_rank: 1)
  exitcode  : {} (pid: 8)
============================================================
"""
LOST = {"message": "RuntimeError: Connection closed by peer"}


def test_a_process_that_is_killed_is_told_before_what_the_others_noted() -> None:
    killed = "a process was killed (signal 9), which mostly means that memory ran out"
    assert [reason(note, ENDED.format(-9)) for note in (LOST, None)] == [killed] * 2
    assert reason(LOST, ENDED.format(1)) == LOST["message"]


def test_without_a_note_the_last_error_is_told_and_no_rule() -> None:
    assert reason(None, ENDED.format(1)) == "coterie.content.task.TaskError: the disk is full"
    assert reason(None, "it began\nit ended\n=====\n-----") == "it ended"
    assert reason(None, "") == "it said nothing"
    assert reason(None, "ModuleNotFoundError: No module named 'torch'") == "No module named 'torch' where the task ran; the extra is coterie[content]"
