"""Code samples for each operation: curl, Python (requests) and JavaScript (Node.js 20).

They are `x-codeSamples` in the OpenAPI document, which documentation tools show, too. The tests run
every one of them.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from rubberduck.api.uploads import CONTENT_TYPE

JsonObject = dict[str, Any]

# Operations that need no API key.
PUBLIC = {"glance", "get_result", "get_picture", "get_video", "export_video"}
PUBLIC |= {"list_video_labels", "list_video_tracks"}
# The file of a sample and its type, by the form's field.
FILES = {"picture": ("picture.jpg", "image/jpeg"), "video": ("video.mp4", "video/mp4")}


@dataclass(frozen=True)
class SentFile:
    """The file that a sample sends: in a field of a form, or as the body if `field` is None."""

    name: str
    type: str
    field: str | None


@dataclass(frozen=True)
class Call:
    """A request of a sample: what a program has to send, and whether the response has a body.

    `fields` are those that a form must have besides its file.
    """

    method: str
    url: str
    needs_key: bool
    headers: dict[str, str]
    file: SentFile | None
    fields: dict[str, str]
    body: Any  # None without a JSON body
    has_answer: bool


def code_samples(method: str, url: str, operation: JsonObject) -> list[JsonObject]:
    """Return the samples of an operation in the format of `x-codeSamples`."""
    headers = {}
    for parameter in operation.get("parameters", []):
        name, schema = parameter["name"], parameter["schema"]
        choices = schema.get("enum") or schema.get("examples")
        if parameter["in"] == "query" and parameter.get("required"):
            url += f"?{name}={choices[0]}"
        if parameter["in"] == "path" and choices:
            url = url.replace(name.upper(), choices[0])
        if parameter["in"] == "header" and parameter.get("required"):
            headers[name] = choices[0]
    content = operation.get("requestBody", {}).get("content", {})
    call = Call(
        method,
        url,
        needs_key=operation["operationId"] not in PUBLIC,
        headers=headers,
        file=_file(content),
        fields=_fields(content),
        body=content.get("application/json", {}).get("example"),
        has_answer="204" not in operation["responses"],
    )
    return [
        {"lang": "Shell", "label": "curl", "source": _curl(call)},
        {"lang": "Python", "label": "Python", "source": _python(call)},
        {"lang": "JavaScript", "label": "JavaScript", "source": _javascript(call)},
    ]


def _file(content: JsonObject) -> SentFile | None:
    if form := content.get("multipart/form-data"):
        field = next(iter(form["schema"]["properties"]))
        return SentFile(*FILES[field], field)
    return SentFile("video.mp4", CONTENT_TYPE, None) if CONTENT_TYPE in content else None


def _fields(content: JsonObject) -> dict[str, str]:
    form = content.get("multipart/form-data", {"schema": {}})["schema"]
    required = [name for name in form.get("required", ()) if name not in FILES]
    fields = {name: form["properties"][name] for name in required}
    return {name: (each.get("enum") or each["examples"])[0] for name, each in fields.items()}


def _curl(call: Call) -> str:
    file, sends = call.file, call.file or call.body
    is_form = file is not None and file.field is not None
    is_named = call.method in ("put", "patch", "delete") or (call.method == "post" and not sends)
    types = {"Content-Type": file.type} if file and not is_form else {}
    parts = [
        "curl",
        '-H "Authorization: Bearer $DUCK_KEY"' if call.needs_key else "",
        *(f'-H "{name}: {value}"' for name, value in (call.headers | types).items()),
        f"-F {file.field}=@{file.name}" if file and is_form else "",
        *(f"-F {shlex.quote(f'{name}={value}')}" for name, value in call.fields.items()),
        f"--data-binary @{file.name}" if file and not is_form else "",
        f"-X {call.method.upper()}" if is_named else "",
        f"--json '{json.dumps(call.body)}'" if call.body else "",
        f'"{call.url}"' if "?" in call.url else call.url,
    ]
    return " ".join(filter(None, parts))


def _python(call: Call) -> str:
    file = call.file
    variable = file.name.partition(".")[0] if file else ""
    types = {"Content-Type": file.type} if file and file.field is None else {}
    headers = "key" if call.needs_key else ""
    if more := call.headers | types:
        headers = f"key | {json.dumps(more)}"
    arguments = [
        f'"{call.url}"',
        f"headers={headers}" if headers else "",
        f'files={{"{file.field}": {variable}}}' if file and file.field else "",
        f"data={variable}" if types else "",
        f"data={json.dumps(call.fields)}" if call.fields else "",
        f"json={call.body!r}" if call.body else "",
        "timeout=60",
    ]
    request = f"response = requests.{call.method}({', '.join(filter(None, arguments))})"
    lines = ["import os\n" if call.needs_key else "", "import requests\n\n"]
    if call.needs_key:
        lines.append("""key = {"Authorization": f"Bearer {os.environ['DUCK_KEY']}"}\n""")
    opening = f'with open("{file.name}", "rb") as {variable}:\n    ' if file else ""
    lines.append(f"{opening}{request}\nresponse.raise_for_status()")
    lines.append("\nprint(response.json())" if call.has_answer else "")
    return "".join(lines)


def _javascript(call: Call) -> str:
    file = call.file
    # Without other fields, the file itself is the body.
    form = file if file and file.field and call.fields else None
    headers = [
        "Authorization: `Bearer ${process.env.DUCK_KEY}`" if call.needs_key else "",
        *(f'"{name}": "{value}"' for name, value in call.headers.items()),
        f'"Content-Type": "{file.type}"' if file and not form else "",
        '"Content-Type": "application/json"' if call.body else "",
    ]
    sent = ", ".join(filter(None, headers))
    options = [
        f'method: "{call.method.upper()}"' if call.method != "get" else "",
        f"headers: {{ {sent} }}" if sent else "",
        f'body: await readFile("{file.name}")' if file and not form else "",
        "body: form" if form else "",
        f"body: JSON.stringify({json.dumps(call.body)})" if call.body else "",
    ]
    listed = "".join(f"  {option},\n" for option in options if option)
    lines = [
        'import { readFile } from "node:fs/promises";\n\n' if file else "",
        _javascript_form(form, call.fields) if form else "",
        f'const response = await fetch("{call.url}"',
        f", {{\n{listed}}});\n" if listed else ");\n",
        "if (!response.ok) throw new Error(await response.text());",
        "\nconsole.log(await response.json());" if call.has_answer else "",
    ]
    return "".join(lines)


def _javascript_form(file: SentFile, fields: dict[str, str]) -> str:
    lines = [
        "const form = new FormData();",
        f'form.append("{file.field}", new Blob([await readFile("{file.name}")]));',
        *(f'form.append("{name}", "{value}");' for name, value in fields.items()),
    ]
    return "\n".join([*lines, ""])


def many_pictures_with_curl(base: str) -> str:
    """Return the same for a shell; curl itself waits for the seconds in Retry-After."""
    return f"""\
for file in pictures/*; do
  curl --retry 9 -H "Authorization: Bearer $DUCK_KEY" -F "picture=@$file" {base}/pictures
done"""


def many_pictures(base: str) -> str:
    """Return a Python program that sends a folder of pictures to the API at `base`."""
    return f"""\
import os
import pathlib
import time

import requests

key = {{"Authorization": f"Bearer {{os.environ['DUCK_KEY']}}"}}
for file in sorted(pathlib.Path("pictures").iterdir()):
    while True:
        response = requests.post("{base}/pictures", headers=key, data=file.read_bytes(), timeout=60)
        if response.status_code != 429:
            break
        time.sleep(int(response.headers["Retry-After"]))
    answer = response.json()
    print(file.name, answer["message"] if response.ok else answer["detail"], sep="\\t")"""
