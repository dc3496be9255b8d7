"""What a worker does again and again beside answering requests."""

import threading

import structlog
from django.db import Error, connection

log = structlog.get_logger()


class Periodic:
    """Does `act` every `seconds` on a thread of its own, the first time after `first_after`. `start` after the fork;
    `stop` does it one last time.

    A failure is logged when failing begins, and when it ends, as `<name>_failing` and `<name>_recovered`.
    settings.BACKGROUND_TASKS names those that each worker runs.
    """

    name: str
    seconds: float
    first_after: float | None = None  # as `seconds`
    foreseen: tuple[type[Exception], ...] = (Error, OSError)  # that are logged without a traceback

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    def act(self, last: bool) -> None:
        """One round; `last` before the process ends."""
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
        except Exception as error:  # whatever it is, the thread must live on
            if not self._failing:
                unforeseen = not isinstance(error, self.foreseen)
                log.error(f"{self.name}_failing", error=" ".join(str(error).split()), exc_info=unforeseen)
            self._failing = True
        else:
            if self._failing:
                log.info(f"{self.name}_recovered")
            self._failing = False
        finally:
            connection.close()  # back to the pool
