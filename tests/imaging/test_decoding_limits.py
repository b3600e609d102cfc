"""What costs too much to decode is refused in words, and the next picture is decoded.

The limits are set low, so that the inputs are harmless.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from PIL import Image

from rubberduck.core.errors import DamagedPicture, TooBusy, TooCostly, TooManyPixels
from rubberduck.imaging import decode
from rubberduck.imaging.decode import Cost, Picture, decode_picture
from rubberduck.imaging.sandbox import ChildFailed, ChildNotStarted, Limits, Sandbox
from tests.support import bombs
from tests.support.decoding import measured
from tests.support.pictures import corners, encoded, exif, looks_like_corners


def decoded(data: bytes) -> Picture:
    return decode_picture(data, max_bytes=15_000_000, max_side=2048)


@pytest.fixture
def obedient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A child that does what a test tells it, in place of the decoder."""
    sandbox = Sandbox("tests.support.obedient_child", children=1, max_requests=100)
    monkeypatch.setattr(decode, "_sandbox", sandbox)
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("format", bombs.FORMATS)
def test_a_picture_over_the_limit_of_its_format_is_refused_by_its_header(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = Cost(1_000_000, 20)
    monkeypatch.setattr(decode, "COSTS", {})
    monkeypatch.setattr(decode, "OTHER_COST", low)
    with pytest.raises(TooManyPixels, match="1600 × 1250 pixels; the limit is 1 million"):
        decoded(bombs.two_megapixels(format))


@pytest.mark.parametrize("format", bombs.FORMATS)
@pytest.mark.parametrize("limit", [1_000_000, 500_000], ids=["Pillow warns", "Pillow raises"])
def test_pillows_own_limit_is_set_and_says_too_many_pixels(
    format: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", limit)
    with pytest.raises(TooManyPixels):
        decoded(bombs.two_megapixels(format))


def test_a_webp_is_refused_by_the_canvas_that_it_announces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """libwebp makes the canvas when the file is opened."""
    monkeypatch.setattr(decode, "MAX_PIXELS", 1_000_000)
    frames = [Image.new("RGB", bombs.TWO_MEGAPIXELS, colour) for colour in ("gold", "navy")]
    animated = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    assert animated[12:16] == b"VP8X"
    with pytest.raises(TooManyPixels):
        decoded(animated)


def test_a_jpeg_of_more_scans_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decoded(bombs.scans(20))
    monkeypatch.setattr(decode, "MAX_SCANS", 10)
    with pytest.raises(TooCostly, match="scans"):
        decoded(bombs.scans(20))


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little memory may also read as a damaged picture, or crash."""
    fresh = Sandbox("rubberduck.imaging.decode_child", children=1, max_requests=100)
    monkeypatch.setattr(decode, "_sandbox", fresh)
    monkeypatch.setattr(decode, "BASE_MEMORY", 0)
    monkeypatch.setattr(decode, "OTHER_COST", Cost(25_000_000, 1))
    monkeypatch.setattr(decode, "SMALL_BYTES", 0)
    with pytest.raises((TooCostly, DamagedPicture)):
        decoded(bombs.two_megapixels("PNG"))
    monkeypatch.undo()
    assert decoded(bombs.two_megapixels("PNG"))
    fresh.close()


def test_memory_of_a_small_picture_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Sandbox("rubberduck.imaging.decode_child", children=1, max_requests=100)
    monkeypatch.setattr(decode, "_sandbox", fresh)
    monkeypatch.setattr(decode, "OPEN_LIMITS", Limits(2_000_000, 5, 30.0))
    with pytest.raises((TooCostly, DamagedPicture)):
        decoded(bombs.two_megapixels("PNG"))
    fresh.close()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "exit", "with": 1}, "crashed"),
        ({"do": "abort"}, "crashed"),
        ({"do": "sleep", "with": 600}, "more time"),
        ({"do": "allocate", "with": 2_000_000_000}, "more memory"),
        ({"do": "echo", "with": "no header"}, "crashed"),
    ],
)
def test_a_decoder_that_fails_is_a_refusal_in_words(
    obedient: Sandbox, monkeypatch: pytest.MonkeyPatch, request_: dict[str, object], words: str
) -> None:
    def fail(*_: object) -> None:
        with obedient.child(60) as child:
            child.call(request_, Limits(200_000_000, 20, 2.0))
            decode._checked_header({"did": "something else"})

    monkeypatch.setattr(decode, "_decode", lambda *_, **__: fail())
    with pytest.raises(TooCostly, match=words) as refused:
        decoded(encoded())
    assert refused.value.problem.status == 422


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"width": "160", "height": 120},
        {"width": 160, "height": 120, "full_width": 1, "full_height": 1},
        {
            "width": 10**6,
            "height": 10**6,
            "full_width": 1,
            "full_height": 1,
            "is_animated": False,
            "is_truncated": False,
        },
    ],
)
def test_a_reply_that_does_not_fit_is_not_believed(
    obedient: Sandbox, monkeypatch: pytest.MonkeyPatch, reply: dict[str, object]
) -> None:
    with obedient.child(60) as child:
        child.call({"do": "echo"}, Limits(200_000_000, 20, 60.0))
        with pytest.raises(ChildFailed):
            decode._checked_picture(child, reply, 0, 2048)


def test_a_decoder_that_cannot_start_is_no_fault_of_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = Sandbox("tests.support.no_such_module", children=1, max_requests=1)
    monkeypatch.setattr(decode, "_sandbox", sandbox)
    with pytest.raises(TooBusy) as refused:
        decoded(encoded())
    assert isinstance(refused.value.__cause__, ChildNotStarted)
    assert refused.value.problem.status == 503
    assert refused.value.retry_after


def test_who_waits_too_long_for_a_decoder_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "DECODING_WAIT", 0.01)
    with decode._sandbox.child(60), decode._sandbox.child(60), pytest.raises(TooBusy) as refused:
        decoded(encoded())
    assert refused.value.retry_after
    monkeypatch.undo()
    assert decoded(encoded())


def allow_large_pictures(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Call pictures of more than one megapixel large, and allow so many of them at once."""
    monkeypatch.setattr(decode, "LARGE_PIXELS", 1_000_000)
    monkeypatch.setattr(decode, "LARGE_AT_ONCE", at_once)
    monkeypatch.setattr(decode, "_large_slots", threading.BoundedSemaphore(at_once))


@pytest.mark.parametrize("at_once", [1, 2])
def test_few_large_pictures_at_a_time_and_small_ones_beside_them(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_large_pictures(monkeypatch, at_once)
    monkeypatch.setattr(decode, "DECODING_WAIT", 0.2)
    large = bombs.two_megapixels("JPEG")
    with ExitStack() as others:
        for _ in range(at_once - 1):
            others.enter_context(decode._large_picture_lock())
        assert decoded(large).full_size == bombs.TWO_MEGAPIXELS
        others.enter_context(decode._large_picture_lock())
        with pytest.raises(TooBusy, match="large picture") as refused:
            decoded(large)
        assert refused.value.retry_after
        assert decoded(encoded())
    assert decoded(large).full_size == bombs.TWO_MEGAPIXELS


def test_large_pictures_wait_for_those_of_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks are files', which another process's threads do not share."""
    allow_large_pictures(monkeypatch, 1)
    monkeypatch.setattr(decode, "DECODING_WAIT", 0.2)
    with decode._large_picture_lock(), monkeypatch.context() as other_process:
        other_process.setattr(decode, "_large_slots", threading.BoundedSemaphore(1))
        with pytest.raises(TooBusy, match="large picture"):
            decoded(bombs.two_megapixels("JPEG"))


def test_large_pictures_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_large_pictures(monkeypatch, 1)
    monkeypatch.setattr(decode, "DECODING_WAIT", 120.0)
    at_once, most, lock = 0, 0, threading.Lock()
    checked = decode._checked_picture

    def watched(*arguments: object) -> Picture:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        picture = checked(*arguments)  # type: ignore[arg-type]
        with lock:
            at_once -= 1
        return picture

    monkeypatch.setattr(decode, "_checked_picture", watched)
    with ThreadPoolExecutor(6) as pool:
        pictures = list(pool.map(decoded, [bombs.two_megapixels("PNG")] * 6))
    assert {picture.full_size for picture in pictures} == {bombs.TWO_MEGAPIXELS}
    assert most == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bombs.scans(20), id="20 scans"),
        pytest.param(encoded(comment=bytes(60_000)), id="a long comment"),
        pytest.param(bombs.png(*[(b"tEXt", b"a\0")] * 100), id="a hundred texts"),
        pytest.param(encoded(format="AVIF", exif=exif(6)), id="AVIF with Exif"),
        pytest.param(bombs.tiff({}), id="TIFF"),
        pytest.param(bombs.tiff({34665: (bombs.LONG, 1, 8)}), id="Exif that leads back"),
        pytest.param(bombs.big_endian_big_tiff(), id="BigTIFF, big-endian"),
        pytest.param(bombs.run_length_bmp(1200, 900), id="run-length BMP of 2 MB"),
    ],
)
def test_an_unusual_picture_is_taken(data: bytes) -> None:
    assert decoded(data)


def test_a_long_gif_costs_as_much_as_its_first_frame() -> None:
    others = [Image.new("RGB", (160, 120), (n % 256, n // 2, 90)) for n in range(400)]
    picture = decoded(encoded(format="GIF", save_all=True, append_images=others))
    assert picture.several_frames
    assert looks_like_corners(picture.image, within=40)


def test_the_pixels_of_a_run_length_bmp_are_right() -> None:
    image = decoded(bombs.run_length_bmp(1200, 900)).image
    assert image.size == (1200, 900)
    assert [image.getpixel((x, 450)) for x in (0, 600, 1199)] == [(n, n, n) for n in (0, 127, 254)]


def test_what_libraries_write_to_stderr_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(corners(), "TIFF", compression="tiff_lzw")
    with pytest.raises(DamagedPicture):
        decoded(data[: len(data) // 2])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("how_many", [4, pytest.param(16, marks=pytest.mark.soak)])
def test_the_largest_pictures_at_once_have_a_bound(how_many: int) -> None:
    """The one that docs/security.md states: two children, whatever the number of threads."""
    peaks = measured("decode_at_once", how_many)
    print(f"{how_many} at once: {peaks}")
    assert len(peaks["children"]) <= 2
    assert max(peaks["children"]) < 600
    assert peaks["growth"] < 150
