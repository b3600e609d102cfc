"""Generated requests to an emulator, whose every answer is held against the service model."""

import base64
import json
from collections import Counter
from typing import Any

from botocore.model import StructureShape
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from flask import Flask
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client

from rubberduck.emulator.operations import OPERATIONS
from rubberduck.emulator.service_model import input_shape, output_shape
from tests.support.emulator import JSON, PATH, TARGET, run_jobs
from tests.support.pictures import encoded
from tests.support.rekognition_shapes import Known, requests, spoilt

NAMES = sorted(OPERATIONS)
DETECTIONS = ("DetectLabels", "DetectFaces", "RecognizeCelebrities")
LOOPBACK = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8000"}
PICTURES = [
    encoded(Image.new("RGB", size, colour), format)
    for size, colour, format in (
        ((80, 80), "yellow", "PNG"),
        ((96, 320), "navy", "JPEG"),
        ((200, 100), "white", "JPEG"),
    )
]


class Asked:
    """The emulator, what is known to it, and how its answers ended."""

    def __init__(self, app: Flask, uploads: Any) -> None:
        self.client = Client(app)
        self.statuses: Counter[int] = Counter()
        (uploads / "generated.png").write_bytes(PICTURES[0])
        self.arns: dict[str, list[str]] = {"project": [], "dataset": [], "version": []}
        self._make_projects()
        run_jobs(app)

    def _make_projects(self) -> None:
        for number in range(2):
            made = self.ask("CreateProject", {"ProjectName": f"generated-{number}"})
            project = made["ProjectArn"]
            self.arns["project"].append(project)
            for side in ("TRAIN", "TEST"):
                dataset = {"ProjectArn": project, "DatasetType": side}
                self.arns["dataset"].append(self.ask("CreateDataset", dataset)["DatasetArn"])
        nothing = "arn:aws:rekognition:us-east-1:123456789012:project/none/version/v/17000"
        self.arns["version"].append(nothing)

    @property
    def known(self) -> Known:
        """What takes the place of shapes: pictures, objects and ARNs that there are."""
        data = [base64.b64encode(picture).decode() for picture in PICTURES]
        there = {"S3Object": {"Bucket": "rubberduck", "Name": "generated.png"}}
        image = st.sampled_from([*({"Bytes": each} for each in data), there])
        return {
            "Image": image,
            "S3Object": st.just(there["S3Object"]),
            "ProjectArn": st.sampled_from(self.arns["project"]),
            "DatasetArn": st.sampled_from(self.arns["dataset"]),
            "ProjectVersionArn": st.sampled_from(self.arns["version"]),
            "ExtendedPaginationToken": st.just("none"),
            "PaginationToken": st.just("none"),
        }

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": JSON, "X-Amz-Target": f"{TARGET}{name}"}
        response = self.client.post(
            PATH, data=json.dumps(request), headers=headers, environ_overrides=LOOPBACK
        )
        self.statuses[response.status_code] += 1
        body: dict[str, Any] = json.loads(response.data)
        assert response.status_code < 500, (name, request, body)
        if response.status_code != 200:
            assert set(body) == {"__type", "message"}
            return body
        shape = output_shape(name)
        assert isinstance(shape, StructureShape)
        # As boto3 reads it: blobs and times are of Python's types then.
        parsed = create_parser("json").parse(
            {"status_code": 200, "headers": {}, "body": response.data}, shape
        )
        del parsed["ResponseMetadata"]
        report = ParamValidator().validate(parsed, shape)
        assert not report.has_errors(), (name, report.generate_report())
        return body


def ask_generated(asked: Asked, data: st.DataObject, share_of_detections: float) -> None:
    is_detection = data.draw(st.floats(0, 1)) < share_of_detections
    name = data.draw(st.sampled_from(DETECTIONS if is_detection else NAMES))
    shape = input_shape(name)
    assert shape
    request = data.draw(requests(shape, asked.known))
    if not is_detection and data.draw(st.booleans()):
        request = data.draw(spoilt(request))
    asked.ask(name, request)
