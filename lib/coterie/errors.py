"""The few exceptions of Coterie. Each message says what was found, what was expected, and what to do."""

import difflib
import re
from collections.abc import Iterable


class CoterieError(Exception):
    """Something failed that is nobody's typing mistake: a job could not finish (exit code 1)."""


class UserError(CoterieError):
    """A mistake in what the user gave: a file, a setting, a mapping, an argument (exit code 2). Raised before anything is written."""


class SettingsError(UserError):
    """A setting is unknown, of the wrong type, or out of its bounds."""


class MappingError(UserError):
    """A source mapping is wrong in itself, or does not fit the files it is used on."""


class InputError(UserError):
    """The input cannot be used: not there, empty, unreadable, or more of it rejected than the setting allows."""


class SessionError(UserError):
    """No usable Spark session: no Java, a Java too old, no Delta, a resolver out of reach."""


class LakeError(CoterieError):
    """The lake is not what it should be: no folder, a newer schema, a frame that does not fit its table."""


class LeaseError(LakeError):
    """Another job is writing to the lake."""


class StorageError(LakeError):
    """A disk or store does not take what is written: no room, no right."""


class AccountingError(CoterieError):
    """Rows or revenue went missing between the files and the tables: the job stops, since nothing may be lost."""


_CLASS = r"\[[A-Z][A-Z0-9_.]+\]"
_REFUSALS = ("No space left on device", "Read-only file system", "Permission denied", "AccessDenied", "AccessControlException")


def storage_error(error: BaseException, place: str) -> StorageError | None:
    """What a disk or store said, out of an exception of Spark's that may hold pages; None where it is about something else."""
    line = next((line.strip(": \t") for line in str(error).splitlines() if any(words in line for words in _REFUSALS)), None)
    if line is None:
        return None
    said = line[: max(line.find(words) + len(words) for words in _REFUSALS if words in line)][-300:]  # it comes at the end of a long line
    return StorageError(
        f"'{place}', or a disk that Spark works on, cannot be written to ({said}); "
        "a reader sees what the last finished run left; mend that, then run the same command again"
    )


def one_of(found: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the nearest known name, else the whole list."""
    known = sorted(known)
    near = difflib.get_close_matches(found, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}"


def first_line(error: BaseException) -> str:
    """Of what an error of others says, the first line; its kind where it says nothing. Of a failed task Python's words alone, which hold no row."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def said_by_spark(error: BaseException) -> str:
    """The sentence that Spark or Delta has for an error, its class in brackets before it, without the Java around it; else the first line.

    For errors about files, logs and names: of an expression that fails on a row it would repeat the value, where `class_of` does not.
    """
    said = re.sub(r"\AAn error occurred while calling \S+\s*: ", "", str(error).strip())
    coded = re.search(rf"{_CLASS} .*", said)
    return (coded[0].strip() if coded else (said or type(error).__name__).splitlines()[0])[:300]


def class_of(error: BaseException) -> str:
    """The class, in brackets, that Spark or Delta names; else the error's kind."""
    coded = re.search(_CLASS, str(error))
    return coded[0] if coded else type(error).__name__
