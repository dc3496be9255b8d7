"""A program that tests start and stop, with a folder of its own."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.server import DEADLINE_SECONDS


class Program:
    """`with Program() as running:` runs it until the block ends. Its folder's name is short, since the name of a socket
    has at most 107 bytes."""

    process: "subprocess.Popen[bytes]"

    def __init__(self, name: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"mcp-{name}-"))

    def start(self) -> None:
        """Set `process`, and return when it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)  # one that is stopped would not end
        self.process.terminate()
        self.process.wait(timeout=DEADLINE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder)
