"""A real browser, Debian's Chromium without a window, whose requests a Django test client answers."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from django.test import Client

from tests.support.binaries import binary

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")
FIRST_FREE_FD = 10  # Chromium reads its commands from 3, and answers on 4
SETTLED_SECONDS = 5.0


class Browser:
    """`with Browser(client) as browser:` runs one until the block ends. It speaks the Chrome DevTools Protocol over
    pipes: https://chromedevtools.github.io/devtools-protocol/"""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._shown: dict[str, Response] = {}
        self._number = 0
        self._session: str | None = None
        self._folder = tempfile.mkdtemp(prefix="mcp-browser-")
        commands, self._to = _pipe()
        self._from, answers = _pipe()
        command = [
            binary("chromium", "chromium", "BROWSER_TESTS", "how pages look is"),
            *OPTIONS,
            f"--user-data-dir={self._folder}",
        ]
        script = f'exec "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command], pass_fds=(commands, answers), stderr=subprocess.DEVNULL
        )
        os.close(commands)
        os.close(answers)
        self._unread = b""

    def __enter__(self) -> Self:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Fetch.enable")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, path: str, width: int, height: int = 844, shows: "Response | None" = None) -> None:
        """Load the page in a window of this size, in CSS pixels. `shows` is taken for the answer to the first GET."""
        if shows is not None:
            self._shown[path] = shows
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url=f"http://testserver{path}")
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        """The value of the JavaScript expression in the page, as JSON has it."""
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> Any:
        number = self._send(method, **parameters)
        while True:
            message = self._next()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def _send(self, method: str, **parameters: Any) -> int:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def _next(self) -> dict[str, Any]:
        """The browser's next message; a request that it waits for has been answered."""
        while b"\0" not in self._unread:
            read = os.read(self._from, 1_000_000)
            assert read, "the browser has ended"
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Fetch.requestPaused":
            self._answer(message["params"])
        return message

    def _answer(self, paused: dict[str, Any]) -> None:
        address = urlsplit(paused["request"]["url"])
        path = f"{address.path}?{address.query}" if address.query else address.path
        response = self._shown.pop(path, None) or self._client.get(path)
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        self._send(
            "Fetch.fulfillRequest",
            requestId=paused["requestId"],
            responseCode=response.status_code,
            responseHeaders=[{"name": name, "value": value} for name, value in response.items()],
            body=base64.b64encode(body).decode(),
        )


def _pipe() -> tuple[int, int]:
    """The ends of a pipe, with numbers that are not in the way of Chromium's."""
    reader, writer = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE_FD) for end in (reader, writer))
    os.close(reader)
    os.close(writer)
    return moved[0], moved[1]


def cut_off(browser: Browser) -> list[str]:
    """The texts of the page that stand wholly or in part outside of the window, or of a box that cuts them off.

    What scrolls by itself, or ends in an ellipsis, may be longer than its box. Scripts lay a page out anew for a moment
    after it has loaded: what is cut off then, and not after SETTLED_SECONDS, does not count."""
    deadline = time.monotonic() + SETTLED_SECONDS
    texts: list[str] = browser.evaluate(CUT_OFF)
    while texts and time.monotonic() < deadline:
        texts = browser.evaluate(CUT_OFF)
    return texts


CUT_OFF = """
(() => {
    const cut = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const range = document.createRange();
        range.selectNodeContents(text);
        const right = Math.max(...[...range.getClientRects()].map((box) => box.right), 0);
        const bottom = Math.max(...[...range.getClientRects()].map((box) => box.bottom), 0);
        if (!text.data.trim() || !right || !text.parentElement.checkVisibility({visibilityProperty: true})) continue;
        let [widest, lowest] = [Infinity, Infinity];
        let box = text.parentElement;
        for (; box; box = box.parentElement) {
            const style = getComputedStyle(box);
            const scrolls = ["auto", "scroll"].includes(style.overflowX) && box !== document.documentElement;
            if (scrolls || style.textOverflow === "ellipsis") break;
            if (style.overflowX !== "visible") widest = Math.min(widest, box.getBoundingClientRect().right);
            if (style.overflowY === "hidden") lowest = Math.min(lowest, box.getBoundingClientRect().bottom);
        }
        if (!box) widest = Math.min(widest, window.innerWidth);
        const words = text.data.trim().slice(0, 60);
        if (right > widest + 1) cut.push(`${words} (to ${Math.round(right)} of ${Math.round(widest)})`);
        if (bottom > lowest + 1) cut.push(`${words} (down to ${Math.round(bottom)} of ${Math.round(lowest)})`);
    }
    const wide = document.documentElement.scrollWidth;
    if (wide > window.innerWidth) cut.push(`the page (to ${wide} of ${window.innerWidth})`);
    return cut;
})()
"""
