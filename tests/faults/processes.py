"""The command as a process that can be killed, alone or with the JVM it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

COMMAND = [str(Path(sys.executable).parent / "coterie")]


@dataclass(frozen=True)
class Ended:
    """A process that ended: exit code (negative: the signal), what it said, the seconds it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def last(self) -> str:
        lines = self.err.strip().splitlines()
        return " ".join(lines[-1].split()) if lines else ""


class Running:
    """A process in a group of its own. Its words go to files, so that it never waits for a reader."""

    def __init__(self, arguments: list[str], log: Path, command: list[str] | None = None, env: Mapping[str, str] | None = None) -> None:
        self.log, self.began = log, time.monotonic()
        with Path(f"{log}.out").open("wb") as out, Path(f"{log}.err").open("wb") as err:
            self.process = subprocess.Popen([*(command or COMMAND), *arguments], stdout=out, stderr=err, start_new_session=True, env=env)

    def runs_after(self, steps: int, seconds: float) -> bool:
        """Waits until it has told of so many steps, and so many seconds more; whether the process still runs then."""
        told = Path(f"{self.log}.err")
        while self.process.poll() is None and told.read_bytes().count(b"\n") < steps:
            time.sleep(0.02)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is None

    def ended(self, timeout: float = 900) -> Ended:
        self.process.wait(timeout)
        seconds = time.monotonic() - self.began
        out, err = (Path(f"{self.log}.{kind}").read_text(errors="replace") for kind in ("out", "err"))
        return Ended(self.process.returncode, out, err, seconds)

    def interrupt(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self, whole_group: bool) -> Ended:
        """Signal 9, to the JVM as well or not; returns when nothing of the group is left."""
        if whole_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        end = self.ended()
        for _ in range(600):
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return end
            time.sleep(0.2)
        raise TimeoutError("the JVM of a killed process still runs two minutes later")


def finished(arguments: list[str], log: Path) -> Ended:
    """Runs the command to its end. Raises RuntimeError with its words where it fails."""
    end = Running(arguments, log).ended()
    if end.code:
        raise RuntimeError(end.err)
    return end
