#!/usr/bin/env bash
# One would guess that `fs.exists` of fsspec tells whether a file is there, and raises where it cannot know. For http:// and
# https:// it answers False, without a warning, if the server fails for a moment (503), refuses the key (401, 403) or cannot be
# reached; `isfile` does so too, and `info` raises FileNotFoundError, with the true error as its cause. A copy job that
# fetches "what exists" skips files in an outage, and a cache takes them for deleted.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fsspec==2026.9.0 aiohttp==3.14.5 2> /dev/null
cat > ask.py <<'PYTHON'
import http.server
import socket
import sys
import threading

import fsspec

print("fsspec", fsspec.__version__)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path[1:4]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *words):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as unused:
    nobody = unused.getsockname()[1]
system = fsspec.filesystem("http")
seen = {}
for name, port, path in (
    ("the file is there, 200", server.server_port, "200.bin"),
    ("no such file, 404", server.server_port, "404.bin"),
    ("no key, 401", server.server_port, "401.bin"),
    ("the server fails, 503", server.server_port, "503.bin"),
    ("no server", nobody, "200.bin"),
):
    address = f"http://127.0.0.1:{port}/{path}"
    try:
        info = f"{system.info(address)['size']} bytes"
    except Exception as error:
        info = f"{type(error).__name__} (because of {type(error.__cause__).__name__})"
    seen[name] = (system.exists(address), system.isfile(address), info.split(" (")[0])
    print(f"{name}: exists {seen[name][0]}, isfile {seen[name][1]}, info {info}")
missing = (False, False, "FileNotFoundError")
sys.exit(list(seen.values()) != [(True, True, "0 bytes"), missing, missing, missing, missing])
PYTHON
venv/bin/python ask.py
