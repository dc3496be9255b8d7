"""A Redis of the tests' own, from Debian's redis-server."""

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from tests.support.binaries import binary
from tests.support.server import DEADLINE_SECONDS, until


class RedisServer:
    """`with RedisServer() as server:` runs one on a free port of 127.0.0.1 and on a socket, keeping its data in memory,
    until the block ends."""

    def __init__(self) -> None:
        self._binary = binary("redis-server", "redis-server", "REDIS_TESTS", "the limiter on Redis is")
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-redis-"))  # short: the name of a socket has 107 bytes
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket_url = f"unix://{self._folder}/redis.sock"

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        options = [
            f"--port {self.port}",
            "--bind 127.0.0.1",
            f"--unixsocket {self._folder}/redis.sock",
            "--save ''",
            f"--dir {self._folder}",
        ]
        words = [word for option in options for word in option.split(" ")]
        words = ["" if word == "''" else word for word in words]
        self.process = subprocess.Popen([self._binary, *words], stdout=subprocess.DEVNULL)
        until(self.answers, "Redis answers")

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(timeout=DEADLINE_SECONDS)

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder)
