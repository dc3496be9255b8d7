"""Ends responses that are still being sent when their key is no longer good."""

from collections.abc import Callable
from itertools import count
from threading import Lock

from keys.models import APIKey
from keys.principal import Principal
from mcp_project.serving.periodic import Periodic

Cut = Callable[[], None]


class StreamWatch(Periodic):
    """Reads the keys of all streams that this process is sending, by one query a round, past every memory of keys."""

    name = "stream_watch"
    seconds = 0.8  # so that a stream ends within a second of its key's revocation

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[int, tuple[Principal, str, Cut]] = {}
        self._numbers = count()
        self._lock = Lock()

    def watch(self, principal: Principal, address: str, cut: Cut) -> Callable[[], None]:
        """Call `cut` as soon as the key may not be used from the address any more, or has lost a right. Returns a
        function to call when the stream has ended."""
        with self._lock:
            number = next(self._numbers)
            self._open[number] = principal, address, cut

        def unwatch() -> None:
            with self._lock:
                self._open.pop(number, None)

        return unwatch

    def act(self, last: bool) -> None:  # noqa: ARG002  (the streams end before)
        with self._lock:
            streams = list(self._open.values())
        if not streams:
            return
        rows = APIKey.objects.in_bulk({principal.key_id for principal, _, _ in streams})
        now = {key_id: Principal.of(row) for key_id, row in rows.items()}
        for principal, address, cut in streams:
            current = now.get(principal.key_id)
            if current is None or current.refusal(address) is not None or not current.keeps_rights_of(principal):
                cut()


stream_watch = StreamWatch()
