"""An HTTP server on loopback that misbehaves in the ways in which mirrors do."""

import contextlib
import http.server
import threading
import time

STALL_SECONDS = 5


class LocalServer:
    """Answers a path with what was put in for it, one answer after another, the last for ever.

    An answer is a function of the request handler; a path without one gets status 404.
    """

    def __init__(self):
        self.answers = {}
        self.requests = []
        self._stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, files, folder=""):
        """Answers each file's path with its bytes."""
        for name, content in files.items():
            self.answers[f"/{folder}{name}"] = [body(content)]
        return self.url + folder

    def stall(self, handler):
        """Announces bytes, sends none of them, and keeps the connection."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        self._stopping.wait(STALL_SECONDS)


class _Handler(http.server.BaseHTTPRequestHandler):
    owner = None

    def do_GET(self):  # noqa: N802, the name that http.server calls
        self.owner.requests.append(self.path)
        answers = self.owner.answers.get(self.path, [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def log_message(self, *args):
        pass


def body(content, announced=None, headers=()):
    """Status 200 with these bytes; `announced` more or fewer of them than there are."""

    def answer(handler):
        handler.send_response(200)
        length = len(content) if announced is None else announced
        handler.send_header("Content-Length", str(length))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def dribble(content, seconds):
    """Sends these bytes in ten pieces, spread over some seconds."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        size = -(-len(content) // 10)
        with contextlib.suppress(ConnectionError):  # the reader may have been killed
            for start in range(0, len(content), size):
                handler.wfile.write(content[start : start + size])
                time.sleep(seconds / 10)

    return answer


def status(code):
    return lambda handler: handler.send_error(code)


def web_page():
    """What a mirror that is no more serves with status 200: 15 kB of HTML."""
    return body(WEB_PAGE, headers=[("Content-Type", "text/html")])


WEB_PAGE = b"<!DOCTYPE html><html><body>" + b"<p>This page has moved.</p>" * 560 + b"</body></html>"
