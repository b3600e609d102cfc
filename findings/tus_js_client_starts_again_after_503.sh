#!/bin/sh
# tus-js-client 4.3.1 begins an upload again from its first byte when the server answers 503 to the
# HEAD request with which it asks for the offset: lib/upload.js, _resumeUpload, takes every status
# but 2xx and 423 for an upload that is lost, although retryDelays are set. What has arrived stays
# on the server unused.
# Expected: 503 with Retry-After, such as of a site that restarts, is tried again after retryDelays,
# as it is for PATCH, and the upload goes on where it was; only 404, 403 and 410 mean that it is gone.
# Found while sending videos in parts. Needs Node.js 18 or newer and npm.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund tus-js-client@4.3.1
cat > server.mjs <<'JAVASCRIPT'
import { createServer } from "node:http";
import { Upload } from "tus-js-client";

const SIZE = 20, HALF = 10, TUS = { "Tus-Resumable": "1.0.0" };
const requests = [];
const offsets = []; // of each upload that was created
let faults = ["PATCH", "HEAD"];

const server = createServer(async (request, response) => {
  let received = 0;
  for await (const data of request) received += data.length;
  requests.push(`${request.method} ${request.headers["upload-offset"] ?? ""}`.trim());
  const id = Number(request.url.split("/").at(-1));
  if (request.method === "POST") {
    offsets.push(0);
    response.writeHead(201, { ...TUS, Location: `/uploads/${offsets.length - 1}` }).end();
  } else if (request.method === faults[0] && offsets[id] === HALF) {
    faults.shift();
    // The site restarts: first the part, then the question for the offset finds nobody.
    response.writeHead(503, { "Retry-After": "1" }).end();
  } else if (request.method === "PATCH") {
    offsets[id] += received;
    response.writeHead(204, { ...TUS, "Upload-Offset": offsets[id] }).end();
  } else {
    response.writeHead(200, { ...TUS, "Upload-Offset": offsets[id], "Upload-Length": SIZE }).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
await new Promise((resolve, reject) =>
  new Upload(Buffer.alloc(SIZE), {
    endpoint: `http://127.0.0.1:${server.address().port}/uploads`,
    chunkSize: HALF,
    retryDelays: [0, 100, 100, 100],
    onSuccess: resolve,
    onError: reject,
  }).start(),
);
server.close();
console.log("expected: POST, PATCH 0, PATCH 10, HEAD, HEAD, PATCH 10");
console.log("found, by tus-js-client 4.3.1:", requests.join(", "));
console.log(`uploads on the server, with what has arrived of ${SIZE} bytes: ${offsets.join(", ")}`);
if (offsets.length === 1) {
  console.log("changed: tus-js-client goes on with the upload now");
  process.exitCode = 1;
}
JAVASCRIPT
node server.mjs
