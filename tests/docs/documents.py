"""Runs what a document shows, in order, in an empty folder."""

import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def commands(document: str) -> list[tuple[str, str]]:
    """(language, text): whole blocks of Python, single lines of shell."""
    found = []
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", document, re.DOTALL | re.MULTILINE):
        lines = [text] if language == "python" else text.splitlines()
        found += [(language, line) for line in lines if line.strip()]
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Shell:
    """A folder, and the servers that were started in it."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {"8080": str(free_port()), "8081": str(free_port())}
        self.background = []

    def run(self, language, text):
        if language == "python":
            return self._finish([sys.executable, "-c", text])
        for port, free in self.ports.items():
            text = text.replace(port, free)
        words = shlex.split(text, comments=True)
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            return ""
        if words[0] == "ferrule":
            words[0] = str(BIN / "ferrule")
            if words[1] == "bench":
                words += ["--seconds", "0.3"]
        return self._serve(words[:-1]) if words[-1] == "&" else self._finish(words)

    def _finish(self, words):
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _serve(self, words):
        http, grpc = self.ports.values()
        words += ["--http-port", http, "--grpc-port", grpc]
        self.background.append(subprocess.Popen(words, cwd=self.folder, stderr=subprocess.PIPE))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=1):
                    return ""
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def close(self):
        for process in self.background:
            process.terminate()
            process.communicate(timeout=20)
