"""A Redis of the tests' own, from Debian's redis-server."""

import signal
import socket
import subprocess

import redis

from tests.support.binaries import binary
from tests.support.program import Program
from tests.support.server import until


class RedisServer(Program):
    """`with RedisServer() as server:` runs one on a free port of 127.0.0.1 and on a socket, keeping its data in memory,
    until the block ends."""

    def __init__(self) -> None:
        self._binary = binary("redis-server", "redis-server", "REDIS_TESTS", "the limiter on Redis is")
        super().__init__("redis")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket_url = f"unix://{self._folder}/redis.sock"

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
