#!/usr/bin/env bash
# openai 2.54.0: `timeout=1` does not end a request whose answer comes in pieces, however long it takes.
#
# Expected: APITimeoutError after about a second, as where the server is silent, since `timeout` is described as the
#           request's timeout in seconds.
# Seen:     the number is how long the connection may be silent. A server, or a proxy that keeps connections alive with
#           white space (which JSON allows before the value), is waited for as long as it likes, and its answer is given
#           back without a word. A bound on a whole request has to be kept by the caller.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check openai==2.54.0
cat > slow.py <<'PY'
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

SECONDS, TIMEOUT = 5.0, 1.0
ANSWER = {
    "id": "1", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "here"}}],
}


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + 10))
        self.end_headers()
        for _ in range(10):
            if asked["model"] == "pieces":
                self.wfile.write(b" ")
            time.sleep(SECONDS / 10)
        self.wfile.write(body if asked["model"] == "pieces" else b" " * 10 + body)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
seen = {}
for model in ("silent", "pieces"):
    begun = time.monotonic()
    try:
        answer = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "?"}], timeout=TIMEOUT
        )
        seen[model] = answer.choices[0].message.content
    except openai.APITimeoutError as error:
        seen[model] = type(error).__name__
    print(f"{model}: {seen[model]} after {time.monotonic() - begun:.1f} s with timeout={TIMEOUT:g}")
print("openai", openai.__version__)
sys.exit(0 if seen == {"silent": "APITimeoutError", "pieces": "here"} else 1)
PY
env/bin/python -W ignore slow.py
