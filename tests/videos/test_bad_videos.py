"""Broken and hostile files: an answer or a sentence, never a stuck reading."""

import struct
from dataclasses import replace
from pathlib import Path

import av
import pytest
from av.stream import Disposition
from PIL import Image

from rubberduck.core.errors import DuckError
from rubberduck.videos.errors import VideoRefused, VideoTooLarge
from rubberduck.videos.models import VideoLimits
from rubberduck.videos.reading import frames, probe
from tests.support.clips import (
    KINDS,
    MILLISECONDS,
    TRANSPORT,
    WEBM,
    Recipe,
    add_pictures,
    add_sound,
    frame_of,
    make_clip,
    mux_sound,
    number_of,
    with_other_size,
)

LIMITS = VideoLimits(bytes=50_000_000, minutes=1, pixels=2_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clip.mp4"


def numbers(path: Path) -> list[int | None]:
    return [number_of(frame.image) for frame in frames(path, 1000.0, limits=LIMITS)]


def sentence(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(VideoRefused) as refused:
        probe(path, LIMITS)
    return str(refused.value)


def numbers_or_sentence(path: Path) -> list[int | None] | str:
    try:
        return numbers(path)
    except DuckError as refused:
        return str(refused)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(Recipe(muxer={"movflags": "faststart"}), id="MP4 with its index first"),
        pytest.param(Recipe(), id="MP4 with its index last"),
        pytest.param(MILLISECONDS, id="MKV"),
        pytest.param(TRANSPORT, id="MPEG-TS"),
        pytest.param(KINDS["H.264 in AVI"], id="AVI"),
    ],
)
def test_a_truncated_file_gives_what_is_there_or_a_sentence(path: Path, recipe: Recipe) -> None:
    clip = make_clip(path, recipe, frames=30)
    whole = path.read_bytes()
    for tenth in range(1, 10):
        path.write_bytes(whole[: len(whole) * tenth // 10])
        match numbers_or_sentence(path):
            case str() as why:
                assert "damaged" in why
            case found:
                assert found[:-4] == list(clip.numbers)[: len(found[:-4])]  # the end is smeared


def test_a_broken_index_does_not_hold_up_the_reading(path: Path) -> None:
    make_clip(path, Recipe(muxer={"movflags": "faststart"}))
    data = bytearray(path.read_bytes())
    at = data.index(b"stco") + 12  # chunk offsets
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert "damaged" in numbers_or_sentence(path)


@pytest.mark.parametrize("name", ["stts", "stsz", "stsc", "ctts", "avcC", "mdhd", "tkhd"])
def test_nonsense_in_the_index_is_survived(path: Path, name: str) -> None:
    make_clip(path, Recipe(muxer={"movflags": "faststart"}))
    data = bytearray(path.read_bytes())
    at = data.index(name.encode()) + 4
    data[at : at + 24] = b"\xff" * 24
    path.write_bytes(data)
    answer = numbers_or_sentence(path)
    assert len(answer) <= 50 or "damaged" in answer


def test_holes_in_the_data_cost_only_the_frames_there(path: Path) -> None:
    make_clip(path, TRANSPORT, frames=100)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    found = numbers(path)
    assert (found[0], found[-1]) == (0, 99)
    assert len(found) > 50


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash"></MPD>', "playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "playlist"),
        (b"PK\x03\x04" + bytes(500), "something else"),
        (b"A letter, not a video. " * 100, "something else"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "incomplete"),
    ],
)
def test_what_is_inside_decides_not_the_name(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    assert why in sentence(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
def test_a_picture_named_mp4_is_told_to_be_one(path: Path, format: str) -> None:
    Image.new("RGB", (320, 240), "gold").save(path, format)
    assert "It is a picture" in sentence(path)


@pytest.mark.parametrize(("format", "encoder"), [("mp4", "aac"), ("matroska", "libopus")])
def test_sound_alone_is_no_video(path: Path, format: str, encoder: str) -> None:
    with av.open(str(path), "w", format=format) as container:
        stream = add_sound(container, encoder)
        for number in range(25):
            mux_sound(container, stream, number)
        container.mux(stream.encode(None))
    assert "no pictures" in sentence(path)


def test_a_cover_is_no_video(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        cover = add_pictures(container, Recipe(codec="mjpeg", pixels="yuvj420p"))
        cover.disposition = Disposition.attached_pic
        stream = add_sound(container, "aac")
        container.mux(cover.encode(frame_of(Recipe(pixels="yuvj420p"), 0)))
        mux_sound(container, stream, 0)
        container.mux(stream.encode(None))
    assert "no pictures" in sentence(path)


def test_a_file_that_refers_to_others_opens_none_of_them(path: Path, tmp_path: Path) -> None:
    """An MP4 whose frames lie in another file, which is there."""
    clip = make_clip(tmp_path / "other.mp4", Recipe())
    data = bytearray(clip.path.read_bytes())
    at = data.index(b"dref") + 12  # the only entry: 'url ', 12 bytes, in this file
    name = f"file://{clip.path}".encode() + b"\0"
    entry = struct.pack(">I4sI", 12 + len(name), b"url ", 0) + name
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = data.index(box) - 4
        grown = struct.unpack_from(">I", data, start)[0] + len(entry) - 12
        struct.pack_into(">I", data, start, grown)
    data[at : at + 12] = entry
    data[: data.index(b"moov") - 4] = struct.pack(">I4s", data.index(b"moov") - 4, b"ftyp").ljust(
        data.index(b"moov") - 4, b"\0"
    )
    path.write_bytes(data)
    assert sentence(path)


def test_no_frames_are_told(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        add_pictures(container, MILLISECONDS)
        container.start_encoding()
    assert "incomplete" in sentence(path)


def test_one_frame_is_a_video(path: Path) -> None:
    make_clip(path, Recipe(), frames=1)
    assert numbers(path) == [0]


def test_of_two_video_streams_the_first_is_read(path: Path) -> None:
    first, second = Recipe(), Recipe(size=(96, 64))
    with av.open(str(path), "w", format="mp4") as container:
        streams = [(recipe, add_pictures(container, recipe)) for recipe in (first, second)]
        for number in range(20):
            for recipe, stream in streams:
                container.mux(stream.encode(frame_of(recipe, number)))
        for _, stream in streams:
            container.mux(stream.encode(None))
    assert numbers(path) == list(range(20))
    assert next(frames(path, 5.0)).image.size == first.size


def test_a_size_that_changes_is_followed(path: Path) -> None:
    make_clip(path, replace(TRANSPORT, finish=with_other_size), frames=50)
    read = list(frames(path, 1000.0, limits=LIMITS))
    assert [number_of(frame.image) for frame in read] == [*range(50), *range(50)]
    assert {frame.image.size for frame in read[50:]} == {(256, 192)}


def test_recordings_joined_without_their_times_are_told(path: Path) -> None:
    """Two transport streams behind each other: what a player does with them is a guess."""
    make_clip(path, TRANSPORT, frames=75)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(VideoRefused) as refused:
        numbers(path)
    assert "joined" in str(refused.value)


def test_frames_that_grow_beyond_the_limit_are_not_decoded(path: Path) -> None:
    make_clip(path, replace(TRANSPORT, finish=with_other_size), frames=50)
    limits = replace(LIMITS, pixels=192 * 128)
    with pytest.raises(VideoTooLarge):
        list(frames(path, 1000.0, limits=limits))


def test_limits_of_bytes_minutes_and_pixels(path: Path) -> None:
    """Ten hours of black are a small file."""
    make_clip(path, replace(MILLISECONDS, step=3_600_000), frames=10)
    for limits, why in [
        (replace(LIMITS, bytes=1_000), "MB"),
        (replace(LIMITS, minutes=60), "60 min"),
        (replace(LIMITS, minutes=1000, pixels=10_000), "pixels"),
    ]:
        with pytest.raises(VideoTooLarge) as refused:
            probe(path, limits)
        assert why in str(refused.value)


def test_a_length_that_the_header_hides_is_noticed(path: Path) -> None:
    make_clip(path, replace(WEBM, codec="vp8", muxer={"live": "1"}, step=10_000), frames=20)
    with pytest.raises(VideoTooLarge) as refused:
        numbers(path)
    assert "1 min" in str(refused.value)
