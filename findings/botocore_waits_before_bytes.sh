#!/bin/sh
# botocore 1.44.5 sends a body that is in memory only after S3 has asked for it: put_object(Body=b"…")
# has the header "Expect: 100-continue", and the bytes wait for the answer "100 Continue", or a second
# where a server never sends one. The header is meant for bodies with a method `read`, says
# add_expect_header in handlers.py; convert_body_to_file_like_object has made bytes one before.
# Expected: bytes follow their header at once; only files and streams are waited for.
# Met by aws_clients.py: without the wait, a picture takes one round trip less.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check boto3==1.44.5 botocore==1.44.5
AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example AWS_DEFAULT_REGION=eu-central-1 \
    AWS_EC2_METADATA_DISABLED=true "$folder/venv/bin/python" - <<'PYTHON'
import io
import socket
import threading

import boto3
from botocore.config import Config

BODY = b"a small picture"
SILENCE = 0.4  # seconds in which a body that waits for nobody would come


def received(body):
    """Return whether the request expects an answer first, and whether its body came without one."""
    server = socket.create_server(("127.0.0.1", 0))
    seen = {}

    def serve():
        connection, _ = server.accept()
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        seen["expects"] = b"expect: 100-continue" in data.lower()
        connection.settimeout(SILENCE)
        try:
            while BODY not in data:
                data += connection.recv(65536)
            seen["came"] = True
        except TimeoutError:
            seen["came"] = False
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.settimeout(10)
            while BODY not in data:
                data += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    config = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    client = boto3.client("s3", endpoint_url=url, config=config)
    client.put_object(Bucket="ducks", Key="a.jpg", Body=body)
    thread.join()
    return seen


found = {"bytes": received(BODY), "a file": received(io.BytesIO(BODY))}
print("botocore 1.44.5, expected: bytes come at once, a file after 100 Continue")
print("what happens:", found)
if found != {name: {"expects": True, "came": False} for name in found}:
    raise SystemExit("changed: look whether aws_clients.py still needs _send_at_once")
PYTHON
