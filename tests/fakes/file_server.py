"""A web server on loopback whose files, honesty and patience a test decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote


class FileServer:
    """Serves ``files``, path → bytes, and keeps what was asked in ``requests``, (path, Range) each.

    :ivar ranges: whether it honours Range and If-Range.
    :ivar cut: how many bytes of a body it sends at most before it closes the connection; None: all.
    :ivar stall: it goes on holding the connection where it would have closed it, until the server is closed.
    :ivar length: whether it says how long a body is.
    :ivar before: called with the path before each answer.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[tuple[str, str | None]] = []
        self.etags: dict[str, str] = {}
        self.ranges = True
        self.cut: int | None = None
        self.stall = False
        self.length = True
        self.shift = 0  # added to where a 206 begins
        self.before: Callable[[str], None] = lambda path: None
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(owner) -> type[BaseHTTPRequestHandler]:  # `self` is the handler below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path)
                asked = self.headers.get("Range")
                owner.requests.append((path, asked))
                owner.before(path)
                if path not in owner.files:
                    self.send_error(404)
                    return
                content = owner.files[path]
                etag = owner.etags.get(path, '"1"')
                begin = 0
                if owner.ranges and asked and self.headers.get("If-Range", etag) == etag:
                    begin = int(asked.removeprefix("bytes=").removesuffix("-"))
                    if begin >= len(content):
                        self.send_error(416)
                        return
                    self.send_response(206)
                    first = begin + owner.shift
                    self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                self.send_header("ETag", etag)
                if owner.length:
                    self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                end = len(content) if owner.cut is None else begin + owner.cut
                self.wfile.write(content[begin:end])
                if owner.stall:
                    self.wfile.flush()
                    owner._closing.wait()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler
