"""The `coterie` command: arguments in, a job or a table out. Progress and errors go to standard error, results to standard output."""

import logging
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

import typer

from coterie import display
from coterie.cli import jobs, looks, standalone  # noqa: F401 - each puts its commands into the application
from coterie.cli.options import app
from coterie.errors import CoterieError, UserError, first_line

__all__ = ["app", "main"]

_INTERRUPTED = 130


def _is_no_cut_call(record: logging.LogRecord) -> bool:
    """py4j logs a call that a signal cut short to the root logger, with its traceback."""
    return "while sending command" not in record.getMessage()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command; exits with 0, 1 where something failed, 2 where the user gave something wrong, 130 after Ctrl-C, 143 after SIGTERM."""
    for name in ("py4j", "SQLQueryContextLogger"):  # an interrupted call, a table that is not there yet: not worth their tracebacks
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(_is_no_cut_call)
    terminated: list[int] = []

    def terminate(number: int, frame: object) -> NoReturn:
        """Ends as by Ctrl-C, so that the lease is given back."""
        terminated.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    try:
        given = sys.argv[1:] if arguments is None else arguments
        if app(args=given or ["--help"], standalone_mode=False) == _INTERRUPTED:  # what typer makes of KeyboardInterrupt; a command itself gives nothing
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        display.error(f"{'terminated' if terminated else 'interrupted'}; run the same command again to go on")
        sys.exit(143 if terminated else _INTERRUPTED)
    except CoterieError as error:
        display.error(str(error))
        sys.exit(2 if isinstance(error, UserError) else 1)
    except Exception as error:
        if terminated:  # a call into the JVM that is cut short raises an error of its own
            display.error("terminated; run the same command again to go on")
            sys.exit(143)
        _exit_unexpected(error)
    sys.exit(0)


def _exit_unexpected(error: Exception) -> NoReturn:
    """A usage error of the command line is told as such; anything else is our mistake, with its traceback in a file."""
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):  # click's own, which typer does not export
        display.error(f"{error.format_message()}; see coterie --help")
        sys.exit(2)
    descriptor, log = tempfile.mkstemp(prefix="coterie-", suffix=".log")
    with os.fdopen(descriptor, "w") as file:
        file.write(traceback.format_exc())
    display.error(f"unexpected {type(error).__name__}: {first_line(error)}; the traceback is in {Path(log)}")
    sys.exit(1)
