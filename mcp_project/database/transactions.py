"""The transaction of a change. Every service that writes runs in one that this module opens.

- Before the commit, the request's key is judged again where it was judged too long ago: a request that waited for a
  lock must not do what its key may no longer do.
- A change that was the victim of a deadlock is run again, once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# For the survivor of a deadlock: a victim that began again at once could take the same locks before the survivor wakes
# up, and be the victim again.
HEAD_START_SECONDS = 0.02

# Raises when the change must not be committed; None outside of requests with a key. keys.middleware sets it.
judge: ContextVar[Callable[[], None] | None] = ContextVar("judge", default=None)
_is_open: ContextVar[bool] = ContextVar("is_open", default=False)
_is_changing: ContextVar[bool] = ContextVar("is_changing", default=False)


def change(act: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorates a function that writes: each call is a transaction, or a savepoint of the one that is open.

    The function may run twice, so it must not change its arguments, nor do what a rollback does not undo. Raises what
    the function raises, what `judge` raises, and OperationalError for the second deadlock.
    """

    @wraps(act)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if _is_changing.get():
            return act(*args, **kwargs)  # a part of that change
        token = _is_changing.set(True)
        try:
            try:
                return _run(*args, **kwargs)
            except OperationalError as error:
                # A rollback to the savepoint is enough to release every lock that others can wait for: within an
                # Idempotency-Key's transaction, the locks from before it are those of the claim.
                if not is_deadlock(error):
                    raise
            time.sleep(HEAD_START_SECONDS)
            return _run(*args, **kwargs)
        finally:
            _is_changing.reset(token)

    def _run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with open_transaction():
            return act(*args, **kwargs)

    return run


@contextmanager
def open_transaction(durable: bool = False) -> Iterator[None]:
    """A transaction that is judged before it commits; within another, a savepoint, which is judged with that. For
    what cannot be a function under `change`.

    Nothing may wait for a lock after the judgement. Foreign keys are checked at the commit, and take a lock on the row
    that is referenced: code that writes one holds that row, or checks it at once (SET CONSTRAINTS).
    """
    if _is_open.get():
        with transaction.atomic():
            yield
        return
    token = _is_open.set(True)
    try:
        with transaction.atomic(durable=durable):
            yield
            current = judge.get()
            if current is not None and not transaction.get_rollback():
                current()
    finally:
        _is_open.reset(token)


def is_deadlock(error: Exception) -> bool:
    return isinstance(error.__cause__, DeadlockDetected)
