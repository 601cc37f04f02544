"""A small project to operate on: real supervisor, real processes, real training command; only what they run is small.

Its `bot` package serves the two health addresses, its `.venv-rasa/bin/python` trains in no time. The operations under
test are the real ones and know nothing of it.
"""

from __future__ import annotations

import shutil
import socket
import textwrap
from pathlib import Path

import pytest

from bot.settings import ROOT, Settings

SMALL_BOT = """
import http.server, socket, sys, urllib.parse

command, *rest = sys.argv[1:]


def listens(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path == "/healthz" or listens({rasa_port})
        self.send_response(200 if good else 503)
        self.end_headers()
        self.wfile.write(b"ready" if good else b"engine starting")

    def log_message(self, *_):
        pass


if command in ("migrate", "load"):
    with open("steps.txt", "a") as steps:
        print(command, file=steps)
    sys.exit(open("step-status.txt").read() if __import__("os").path.exists("step-status.txt") else 0)
http.server.ThreadingHTTPServer.allow_reuse_address = True
port = dict(web={port}, actions={actions_port}).get(command) or int(rest[rest.index("--port") + 1])
print("listening on", port, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Pages).serve_forever()
"""

SMALL_RASA = """\
#!/bin/sh
case "$*" in
  *version_info*) echo 3 10 ;;
  *"rasa train"*)
    echo "$RASA_TELEMETRY_ENABLED $PYTHONPATH" > train-environment.txt
    echo "INFO rasa.engine.training.hooks - Starting to train component 'SmallClassifier'."
    if [ -e train-fails ]; then echo "YamlException: data/nlu/x.yml line 3"; exit 1; fi
    while [ -e train-waits ]; do sleep 0.1; done
    while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done
    date +%N > "$out/candidate.tar.gz" ;;
  *"rasa run"*) shift 3; exec .venv/bin/python -m bot rasa "$@" ;;
esac
"""


def free_ports(count: int) -> list[int]:
    """Return port numbers that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of the small project, in a folder with a space and an apostrophe in its name."""
    root = tmp_path / "l'école de test"
    port, rasa_port, rasa_b_port, actions_port = free_ports(4)
    (root / "bot" / "engine").mkdir(parents=True)
    (root / "data" / "nlu").mkdir(parents=True)
    (root / "config.yml").write_text("language: fr\n", encoding="utf-8")
    (root / "data" / "nlu" / "a.yml").write_text("version: '3.1'\n", encoding="utf-8")
    (root / "bot" / "__init__.py").touch()
    source = SMALL_BOT.format(port=port, rasa_port=rasa_port, actions_port=actions_port)
    (root / "bot" / "__main__.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (root / ".venv").symlink_to(ROOT / ".venv")
    rasa_python = root / ".venv-rasa" / "bin" / "python"
    rasa_python.parent.mkdir(parents=True)
    rasa_python.write_text(SMALL_RASA, encoding="utf-8")
    rasa_python.chmod(0o755)
    shutil.copytree(ROOT / "deploy" / "supervisor", root / "deploy" / "supervisor")
    shutil.copy(ROOT / "deploy" / "demonstration.yml", root / "deploy")
    return Settings(
        root=root,
        var_dir=root / "var",
        port=port,
        rasa_port=rasa_port,
        rasa_b_port=rasa_b_port,
        actions_port=actions_port,
    )
