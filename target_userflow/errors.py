"""The exceptions of the target, grouped by what is done about them.

```
TargetUserflowError
├── RejectRecord         leave one record out: it goes to the dead letters with this reason
└── StopRun              end the run: exit 1, one line, no STATE past what is settled
    ├── ConfigError      a setting or a SCHEMA that no run can start with
    │   ├── InvalidSchema  the schema of a SCHEMA is valid in no draft
    │   └── Doubt        a mapping that would be a guess, of what can't be taken back
    ├── InputError       a line on standard input that is no Singer message
    ├── ApiRefused       the API refuses us, not a record: wrong key, wrong URL, TLS
    │   └── NotListed    the answer to a request for a list holds none
    ├── ApiDown          an API that still fails after max_retry_seconds
    ├── TooManyRejects   a mapping so wrong that going on would burn the budget
    ├── TooManyNewNames  values that became names, which no API call takes back
    ├── MixedUpEvents    keys that name several events, of which only the first were delivered
    ├── TooManyDeletions an emptied source, which must not empty the destination
    ├── StorageError     dead letters or ledger that can't be written
    ├── Exhausted        a machine that has no thread or memory left
    └── Interrupted      SIGTERM or SIGINT: exit 143 or 130
```

A request that is tried again is no exception but an outcome (`messages.TryAgain`).
"""

from __future__ import annotations

import errno
import os


class TargetUserflowError(Exception):
    """The base of all exceptions that this target raises itself."""


class RejectRecord(TargetUserflowError):
    """One record can't be sent; the message is its reason and holds no value of the record."""

    def __init__(self, reason: str, path: tuple[str, ...] = ()) -> None:
        """Reject a record.

        Args:
            reason: What is wrong with the record, or with one of its values.
            path: The column that holds the value, and the keys that lead to it in the column.
        """
        self.reason = reason
        self.path = path
        where = f"`{'.'.join(repr(name)[1:-1] for name in path)}`: " if path else ""
        super().__init__(where + reason)

    def inside(self, name: str) -> RejectRecord:
        """Return the same rejection with a path that begins with the column or key `name`."""
        return RejectRecord(self.reason, (name, *self.path))


class StopRun(TargetUserflowError):
    """The run can't go on; the message is the one line that its user gets."""

    exit_code = 1


class ConfigError(StopRun):
    """A setting, or a SCHEMA that the settings don't fit."""


class InvalidSchema(ConfigError):
    """The schema of a stream is no JSON schema, by any draft."""


class Doubt(ConfigError):
    """A stream whose mapping would be a guess; the line names the setting that settles it."""


class InputError(StopRun):
    """A line on standard input that is no Singer message."""


class ApiRefused(StopRun):
    """The API refuses every request, whatever the record: only a person can mend that."""


class NotListed(ApiRefused):
    """The API answers a request for a list with something else."""


class ApiDown(StopRun):
    """The API failed for `max_retry_seconds` and nothing else got through."""


class TooManyRejects(StopRun):
    """More than `abort_reject_ratio` of a stream was rejected."""


class TooManyNewNames(StopRun):
    """A run would define more attribute or event names than `max_new_attributes` or `_events`."""


class MixedUpEvents(StopRun):
    """More than half of a stream's events have keys under which other events were delivered."""


class TooManyDeletions(StopRun):
    """More than `max_delete_ratio` of what a stream delivered, or sends, would be deleted."""


class StorageError(StopRun):
    """A file or database of this run can't be written."""


class Exhausted(StopRun):
    """This process can't have another thread, or more memory."""

    def __init__(self, what: object) -> None:
        """Stop a run that lacks a resource.

        Args:
            what: The resource, or the error that names it.
        """
        super().__init__(
            f"This machine gives the run no more: {what}. Lower concurrency or batch_size_rows, or "
            "let the process have more (ulimit). What is undelivered comes again on the next run"
        )


class Interrupted(StopRun):
    """A signal asked the run to end."""

    def __init__(self, signum: int) -> None:
        """Stop a run after a signal.

        Args:
            signum: The number of the signal; the exit code is 128 more.
        """
        super().__init__(f"Stopped by signal {signum}: what is settled stays settled")
        self.exit_code = 128 + signum


def of_disk(error: OSError) -> str:
    """Return the fault of a path, in clearer words than the system's where those are a puzzle."""
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return "a file stands where a directory should be"
    if error.errno == errno.ELOOP and error.strerror == os.strerror(errno.ELOOP):
        return "it is a symbolic link, and none is written through"
    return error.strerror or str(error)
