"""One writer a lake: a lease, taken and renewed by conditional commits to a one-row Delta table.

Delta's optimistic concurrency is the compare-and-set: of two jobs that take a free lease at once, one commit fails.
"""

import contextlib
import os
import socket
import threading
import time
from types import TracebackType

from coterie.errors import LakeError, LeaseError
from coterie.lake import Lake

_PATIENCE = 10  # times half a second, for another job that makes the first table of a lake at this moment
_IS_HELD = "(holder IS NOT NULL AND expires_at >= current_timestamp())"


def _clocks() -> tuple[float, float]:
    """Seconds by two clocks: one stands still while the machine sleeps, the other may be set back."""
    return time.monotonic(), time.time()


class Lease:
    """A context manager that holds the lake. Raises LeaseError, saying who holds it since when, where another job does."""

    def __init__(self, lake: Lake, run: str, seconds: int) -> None:
        self.lake, self.seconds = lake, seconds
        self.holder = f"{run} on {socket.gethostname()} (process {os.getpid()})"
        self._stop, self._lost, self._renewed = threading.Event(), False, _clocks()

    def __enter__(self) -> "Lease":
        self._ensure_row()
        self._renewed = _clocks()
        while not self._update("taken_at = current_timestamp(), ", f"NOT {_IS_HELD}"):
            held = self.lake.read("lease").where(_IS_HELD).selectExpr("holder", "CAST(taken_at AS string)", "CAST(expires_at AS string)").collect()
            if held:  # else it was given back, or ran out, at this very moment
                raise LeaseError(
                    f"the lake '{self.lake.place}' is being written by {held[0][0]} since {held[0][1]} UTC; "
                    f"wait for it to end (if it died, its lease runs out at {held[0][2]} UTC)"
                )
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        return self

    def check(self) -> None:
        """Raises LeaseError where the lease ran out meanwhile (a process that slept, a store that did not answer) and cannot be had again."""
        if not self._lost and self._is_over():
            with contextlib.suppress(Exception):  # that nothing was renewed says it
                self._renew()
        if self._lost or self._is_over():
            raise LeaseError(f"{self.holder} lost its lease of the lake '{self.lake.place}'; run the job again")

    def _is_over(self) -> bool:
        return any(now - then > self.seconds for now, then in zip(_clocks(), self._renewed, strict=True))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(*([] if error is None else [Exception])):  # what went wrong before is what is told
            if not self._lost:
                self.lake.spark.sql(f"UPDATE {self._table} SET holder = NULL, expires_at = NULL WHERE {self._is_ours}").collect()

    @property
    def _table(self) -> str:
        return self.lake.name_of("lease")

    def _ensure_row(self) -> None:
        for patience in range(_PATIENCE, -1, -1):
            if self._has_row():
                return
            try:
                self._put_row()
                return
            except LakeError:  # another job makes the table, or put the row there first
                if not patience:
                    raise
                time.sleep(0.5)

    def _put_row(self) -> None:
        free = self.lake.spark.createDataFrame([("writer",)], "name string").selectExpr(
            "name", "CAST(NULL AS string) AS holder", "CAST(NULL AS timestamp) AS taken_at", "CAST(NULL AS timestamp) AS expires_at"
        )
        self.lake.append("lease", free, once="lease")

    def _has_row(self) -> bool:
        return bool(self.lake.read("lease").limit(1).collect())  # the table has one row at most

    def _update(self, also: str, condition: str) -> bool:
        """Sets holder and expiry where the condition holds; false where it did not, or another commit came first."""
        try:
            changed = self.lake.spark.sql(
                f"UPDATE {self._table} SET {also} holder = '{self.holder}', "
                f"expires_at = current_timestamp() + INTERVAL {self.seconds} SECONDS WHERE name = 'writer' AND {condition}"
            ).collect()[0][0]
        except Exception as error:  # the same refusal has another type on Classic than on Connect
            if "DELTA_CONCURRENT" in str(error) or "Concurrent" in type(error).__name__:
                return False
            raise
        return bool(changed == 1)

    def _keep(self) -> None:
        while not self._lost and not self._stop.wait(self.seconds / 3):
            with contextlib.suppress(Exception):  # whatever the store says, it may answer again before the lease runs out
                self._renew()

    def _renew(self) -> None:
        """Another job's attempt may come between: it is tried again while the lease is ours."""
        begun = _clocks()
        while not self._update("", self._is_ours):
            if not self.lake.read("lease").where(self._is_ours).limit(1).collect():
                self._lost = True
                return
            begun = _clocks()
        self._renewed = begun

    @property
    def _is_ours(self) -> str:
        return f"holder = '{self.holder}'"
