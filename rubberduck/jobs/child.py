"""The child process of a worker that runs one step, and what the step's function may call.

The parent sends one JSON object on standard input, and reads one JSON object per line: progress,
log lines, and at the end a result or an error. It may end the child at any moment with SIGKILL,
which works also in a loop of C.
"""

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from rubberduck.core.errors import DuckError
from rubberduck.core.parent_process import end_with_parent
from rubberduck.core.sentences import Sentence, to_json
from rubberduck.core.temporary_files import use_own_folder
from rubberduck.jobs.priority import apply_to_session

OOM_SCORE = 500  # of 1000: when memory runs out, the kernel ends a job before the site
MEMORY_ADVICE = Sentence("It needed more memory than DUCK_WORKER_MEMORY allows ({megabytes} MB).")
NOT_JSON = Sentence(
    "Its result cannot be saved: it has a number that is not finite, or is not JSON."
)


@dataclass
class Task:
    """A running step, for the function that does its work."""

    job_id: str
    build_site: Callable[[], Any]
    channel: TextIO = field(repr=False)

    def progress(self, percent: float, sentence: str = "") -> None:
        """Show how far the job is, 0 to 100, and what it does at the moment.

        A core.sentences.Sentence is shown in the site's language, other text as it is.
        """
        self._send(progress=int(percent), message=sentence, sentence=to_json(sentence))

    def log(self, line: str) -> None:
        """Add a line to the job's log; a Sentence is shown in the site's language."""
        self._send(log=line, sentence=to_json(line))

    @cached_property
    def site(self) -> Any:
        """Return the site's parts (services.pipeline.Pipeline), built at the first use."""
        return self.build_site()

    def _fail(self, why: Sentence, cause: str) -> None:
        self._send(error=why, sentence=why.to_json(), cause=cause)

    def _send(self, **message: Any) -> None:
        self.channel.write(json.dumps(message, allow_nan=False) + "\n")
        self.channel.flush()


def main(build_site: Callable[[], Any]) -> None:
    """Run the step that standard input describes, and exit with 0 if its outcome was sent."""
    request = json.load(sys.stdin)
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints does not break the protocol
    end_with_parent(request["parent"])
    apply_to_session()  # a session of its own has none
    if folder := request.get("temporary"):
        use_own_folder(folder)
    megabytes = request["megabytes"]
    limit_memory(megabytes)
    task = Task(request["job_id"], build_site, channel)
    try:
        result = find(request["function"])(task, *request["arguments"])
    except DuckError as error:
        task._fail(error.problem.advice, error.operator_message)
    except MemoryError:
        task._fail(MEMORY_ADVICE.fill(megabytes=megabytes), "MemoryError")
    else:
        try:
            task._send(result=result)
        except (TypeError, ValueError) as error:
            task._fail(NOT_JSON, str(error))


def find(name: str) -> Callable[..., Any]:
    """Return the function with this name, such as `rubberduck.services.schedules:sweep`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


def limit_memory(megabytes: int) -> None:
    """Limit this process's memory, and let the kernel choose it first when memory runs out."""
    limit = megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    except OSError:  # not Linux, or a read-only /proc
        return
