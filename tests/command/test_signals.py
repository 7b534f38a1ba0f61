"""A command that is asked to end says so, and does not end as if it had done its work."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize(("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")])
def test_a_signal_ends_a_command_with_its_code_and_one_line(tmp_path: Path, number: signal.Signals, code: int, said: str) -> None:
    command = [str(Path(sys.executable).parent / "coterie"), "synth", "--out", str(tmp_path / "raw"), "--customers", "50"]
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(command, stderr=err, stdout=err, start_new_session=True)
    while process.poll() is None and not (tmp_path / "err").read_bytes():
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(60) == code
    told = (tmp_path / "err").read_text()
    assert told.endswith(f"coterie: {said}; run the same command again to go on\n")
    assert "Traceback" not in told
