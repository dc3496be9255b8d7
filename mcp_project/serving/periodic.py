"""Background tasks that each worker runs at an interval."""

import threading

import structlog
from django.db import Error, connection

log = structlog.get_logger()


class Periodic:
    """A background task: calls `act` every `seconds` on a thread of its own, the first time after `first_after`.

    Call `start` after the fork. `stop` ends the thread and calls `act` one last time.
    The first failure is logged as `<name>_failing`, the next success as `<name>_recovered`.
    settings.BACKGROUND_TASKS lists the tasks that each worker runs, by dotted path.
    """

    name: str
    seconds: float
    first_after: float | None = None  # None: `seconds`
    expected_errors: tuple[type[Exception], ...] = (Error, OSError)  # logged without a traceback

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    def act(self, last: bool) -> None:
        """Do the task's work once. `last`: the process is about to end."""
        raise NotImplementedError

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None
            self._attempt(last=True)

    def _run(self) -> None:
        wait = self.seconds if self.first_after is None else self.first_after
        while not self._stopping.wait(wait):
            self._attempt(last=False)
            wait = self.seconds

    def _attempt(self, last: bool) -> None:
        try:
            self.act(last)
        except Exception as error:  # no error may end the thread
            if not self._failing:
                unexpected = not isinstance(error, self.expected_errors)
                log.error(f"{self.name}_failing", error=" ".join(str(error).split()), exc_info=unexpected)
            self._failing = True
        else:
            if self._failing:
                log.info(f"{self.name}_recovered")
            self._failing = False
        finally:
            connection.close()  # returns it to the pool
