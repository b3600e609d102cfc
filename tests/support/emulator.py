"""The emulator on a port, in this process; boto3 that asks it; and its jobs, done here."""

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.validate import ParamValidator
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from rubberduck.db.tables import jobs
from rubberduck.emulator.service_model import output_shape
from rubberduck.jobs.context import StepFailed
from rubberduck.jobs.registry import function_of
from rubberduck.jobs.store import JobStore
from tests.support.job_steps import JobSteps
from worker import JOB_MODULES

PATH = "/aws/rekognition"
REGION = "eu-central-1"
JSON = "application/x-amz-json-1.1"
TARGET = "RekognitionService."


def run_jobs(app: Flask) -> None:
    """Do all queued jobs, in this process instead of a worker's."""
    for module in JOB_MODULES:
        importlib.import_module(module)
    site = app.extensions["pipeline"]
    store = JobStore(site.results.database)
    for job in reversed(store.newest(states=("queued",))):
        function = function_of(job.kind)
        assert function, job
        _set_state(store, job.id, "running")
        try:
            function(JobSteps(site, job_id=job.id), **job.arguments)
        except StepFailed as error:
            _set_state(store, job.id, "failed", error=str(error))
        else:
            _set_state(store, job.id, "done")


def _set_state(store: JobStore, id: str, state: str, **more: str) -> None:
    changed = jobs.update().where(jobs.c.id == id).values(state=state, **more)
    with store.database.transaction(writing=True) as connection:
        connection.execute(changed)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


@contextmanager
def serving_here(app: Callable[..., Any]) -> Iterator[str]:
    """Serve the WSGI application in threads of this process; give the address of its emulator."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rekognition(
    url: str, *, attempts: int = 1, id: str = "any", secret: str = "any secret at all"
) -> Any:
    """Return boto3's client; it holds every answer against the service model."""
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    # The default session: another one reads the model anew.
    client = boto3.client(
        "rekognition",
        endpoint_url=url,
        region_name=REGION,
        config=config,
        aws_access_key_id=id,
        aws_secret_access_key=secret,
    )
    client.meta.events.register("after-call.rekognition", _hold_against_model)
    return client


def _hold_against_model(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    shape = output_shape(model.name)
    if "Error" in parsed or shape is None:
        return
    answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
