"""Copies and rendered videos in real browsers: at each moment they show the frame that we mean."""

import base64
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, Response, send_file
from PIL import Image
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from rubberduck.videos.encoding import H264, VP9, make_copy
from rubberduck.videos.models import VideoLimits
from rubberduck.videos.reading import probe
from tests.support.clips import KINDS, Clip, make_clip, number_of
from tests.support.firefox import firefox

# Mozilla's client leaves sockets open.
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# The kinds, and what they are encoded with where they have to be.
PLAYED = {
    "H.264 with B-frames in MP4": H264,
    "VP9 in WebM": H264,
    "AV1 in MP4": H264,
    "long pauses": H264,
    "later start in MPEG-TS": H264,
    "edit list that begins later": H264,
    "display matrix (0, 1, -1, 0)": H264,
    "mirrored display matrix (0, 1, 1, 0)": VP9,
    "variable rate in MP4": H264,
    "HEVC in MPEG-TS": VP9,
}
# Milliseconds: a busy browser may tell that it has sought before it shows the frame.
WAITS = (0, 0, 50, 200, 1000, 4000)
MOMENTS = (0.02, 0.5, 1.1, 1.47)  # seconds
LIMITS = VideoLimits(bytes=10**8, minutes=1, pixels=10**6)
KNOWS_H264 = "!!document.createElement('video').canPlayType('video/mp4; codecs=\"avc1.42E01E\"')"
# Seeks in a video, and returns the picture that it shows some milliseconds after that.
SHOWN_AT = """
const done = arguments[arguments.length - 1];
const [source, seconds, wait] = arguments;
const video = document.createElement("video");
video.muted = true;
video.onerror = () => done(`error: ${video.error.message}`);
video.onseeked = () => setTimeout(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  done(canvas.toDataURL());
}, wait);
video.onloadeddata = () => { video.currentTime = seconds; };
video.src = source;
"""


@dataclass(frozen=True)
class Copy:
    """A clip, and where its copy is served."""

    kind: str
    clip: Clip
    codec: str
    address: str


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Copy]]:
    folder = tmp_path_factory.mktemp("copies")
    clips, types, codecs = [], [], []
    for number, (kind, encoder) in enumerate(PLAYED.items()):
        clips.append(make_clip(folder / "clip", KINDS[kind]))
        file = folder / str(number)
        types.append(make_copy(clips[-1].path, file, encoder=encoder).content_type)
        codecs.append(probe(file, LIMITS).codec)
    app = Flask(__name__)

    @app.get("/<int:number>")
    def copy(number: int) -> Response:
        return send_file(folder / str(number), mimetype=types[number], conditional=True)

    app.get("/")(lambda: "<!doctype html><title>Copies</title>")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        url = f"http://127.0.0.1:{server.port}"
        yield [
            Copy(kind, clip, codec, f"{url}/{number}")
            for number, (kind, clip, codec) in enumerate(zip(PLAYED, clips, codecs, strict=True))
        ]
        server.shutdown()


def check(copies: list[Copy], shown_at: Callable[[str, float, int], str]) -> None:
    """Compare the number that a browser shows at each moment with the true one."""
    wrong = {}
    for copy in copies:
        for seconds in MOMENTS:
            right = (copy.clip.size, copy.clip.shown_at(seconds))
            for wait in WAITS:
                found = seen(shown_at(copy.address, seconds, wait))
                if found == right:
                    break
            else:
                wrong[copy.kind, seconds] = (found, right)
    assert wrong == {}


def seen(answer: str) -> tuple[tuple[int, int], int | None]:
    assert answer.startswith("data:image/png;base64,"), answer
    picture = Image.open(io.BytesIO(base64.b64decode(answer.partition(",")[2])))
    return picture.size, number_of(picture)


def test_chromium_shows_each_frame_at_its_time(browser: Browser, copies: list[Copy]) -> None:
    page = browser.new_page()
    page.goto(copies[0].address.removesuffix("0"))
    script = f"args => new Promise(done => (function() {{{SHOWN_AT}}})(...args, done))"
    check(copies, lambda *arguments: str(page.evaluate(script, arguments)))
    page.close()


def test_firefox_shows_each_frame_at_its_time(tmp_path: Path, copies: list[Copy]) -> None:
    with firefox(tmp_path / "log") as client:
        client.navigate(copies[0].address.removesuffix("0"))

        def shown_at(*arguments: str | float) -> str:
            return str(client.execute_async_script(SHOWN_AT, script_args=arguments))

        # Firefox takes the system's decoder for H.264, which may be missing.
        knows_h264 = client.execute_script(f"return {KNOWS_H264}")
        played = [copy for copy in copies if knows_h264 or copy.codec != "h264"]
        assert {copy.codec for copy in played} >= {"vp9", "av1"}
        check(played, shown_at)
