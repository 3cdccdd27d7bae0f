"""A stand-in for HDFS's web interface: two HTTP servers over one folder.

It is no Hadoop: it holds to the protocol as Hadoop's documentation has it. The NameNode answers
questions about files itself, and sends those who read or write them on to the DataNode by a 307
with ``Location``; failures are RemoteException documents. Paths under ``/locked`` are refused.
"""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_PREFIX = "/webhdfs/v1"


class WebHdfs:
    """Runs both servers; `uri` is where files are, `log` what was asked of which server."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log: list[tuple[str, str, str]] = []
        self._data = self._serve(_DataNode)
        self._name = self._serve(_NameNode)
        self.port = self._name.server_address[1]
        self.uri = f"webhdfs://127.0.0.1:{self.port}"

    def _serve(self, handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.hdfs = self
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    @property
    def data_address(self):
        return f"http://127.0.0.1:{self._data.server_address[1]}"

    def stop(self):
        for server in (self._name, self._data):
            server.shutdown()
            server.server_close()


class _Node(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    role = ""

    def log_message(self, *_):
        pass

    def _asked(self):
        parts = urlsplit(self.path)
        query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path.removeprefix(_PREFIX))
        hdfs = self.server.hdfs
        hdfs.log.append((self.role, query["op"].upper(), path))
        return query, path, hdfs.folder / path.lstrip("/")

    def _body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, document, status=200):
        self._answer(status, json.dumps(document).encode(), **{"Content-Type": "application/json"})

    def _refuse(self, status, exception, message):
        document = {"exception": exception, "message": message}
        self._json({"RemoteException": document}, status)

    def _handle(self):
        query, path, place = self._asked()
        body = self._body()
        if path.startswith("/locked"):
            self._refuse(403, "AccessControlException", f"Permission denied: {path}")
            return
        getattr(self, "_" + query["op"].lower())(query, path, place, body)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815


class _NameNode(_Node):
    role = "name"

    def _send_on(self, query, path, place, body):
        if query["op"].upper() in ("OPEN", "APPEND") and not place.is_file():
            self._refuse(404, "FileNotFoundException", f"File {path} not found.")
            return
        address = (
            f"{self.server.hdfs.data_address}{_PREFIX}{quote(path)}?{urlsplit(self.path).query}"
        )
        self._answer(307, Location=address)

    _open = _create = _append = _send_on

    def _status(self, place, suffix):
        kind = "DIRECTORY" if place.is_dir() else "FILE"
        size = 0 if place.is_dir() else place.stat().st_size
        return {"pathSuffix": suffix, "type": kind, "length": size, "modificationTime": 0}

    def _getfilestatus(self, _query, path, place, _body):
        if not place.exists():
            self._refuse(404, "FileNotFoundException", f"File does not exist: {path}")
            return
        self._json({"FileStatus": self._status(place, "")})

    def _liststatus(self, _query, path, place, _body):
        if not place.exists():
            self._refuse(404, "FileNotFoundException", f"File {path} does not exist.")
            return
        entries = sorted(place.iterdir()) if place.is_dir() else [place]
        listed = [self._status(one, one.name if place.is_dir() else "") for one in entries]
        self._json({"FileStatuses": {"FileStatus": listed}})

    def _mkdirs(self, _query, _path, place, _body):
        place.mkdir(parents=True, exist_ok=True)
        self._json({"boolean": True})

    def _rename(self, query, _path, place, _body):
        target = self.server.hdfs.folder / unquote(query["destination"]).lstrip("/")
        # HDFS renames over nothing.
        possible = place.exists() and not target.exists()
        if possible:
            place.rename(target)
        self._json({"boolean": possible})

    def _delete(self, _query, _path, place, _body):
        found = place.exists()
        if found:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        self._json({"boolean": found})


class _DataNode(_Node):
    role = "data"

    def _open(self, query, _path, place, _body):
        content = place.read_bytes()
        begin = int(query.get("offset", 0))
        end = begin + int(query.get("length", len(content)))
        self._answer(200, content[begin:end])

    def _create(self, _query, _path, place, body):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        self._answer(201)

    def _append(self, _query, _path, place, body):
        with place.open("ab") as file:
            file.write(body)
        self._answer(200)
