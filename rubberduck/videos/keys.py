"""The storage's keys of a video's objects, and addresses of objects that are not ours."""

PREFIX = "videos/"
S3 = "s3://"
EXTENSIONS = {"video/mp4": "mp4", "video/webm": "webm"}


def prefix_of(id: str) -> str:
    """Return what the keys of all objects of a video begin with."""
    return f"{PREFIX}{id}/"


def original_key(id: str) -> str:
    """Return the key of the file as it was sent, which is deleted after the analysis."""
    return f"{PREFIX}{id}/original"


def tail_key(id: str, number: int) -> str:
    """Return the key of the last bytes of an upload, which are too few for a part."""
    return f"{PREFIX}{id}/tail-{number}"


def copy_key(id: str, content_type: str) -> str:
    """Return the key of the copy that browsers play.

    >>> copy_key("abc", "video/mp4")
    'videos/abc/copy.mp4'
    """
    return f"{PREFIX}{id}/copy.{EXTENSIONS[content_type]}"


def rendered_key(id: str, content_type: str) -> str:
    """Return the key of the video with its boxes drawn."""
    return f"{PREFIX}{id}/marked.{EXTENSIONS[content_type]}"


def poster_key(id: str) -> str:
    return f"{PREFIX}{id}/poster.jpg"


def amazon_segments_key(id: str) -> str:
    """Return the key of the stretches of labels that Rekognition Video found itself."""
    return f"{PREFIX}{id}/amazon-segments.json"


def frame_key(id: str, pts: int) -> str:
    """Return the key of the picture of one frame."""
    return f"{frames_prefix(id)}{pts}.jpg"


def frames_prefix(id: str) -> str:
    """Return what the keys of all stored frames of a video begin with."""
    return f"{PREFIX}{id}/frames/"


def is_address(key: str) -> bool:
    """Return whether this names an operator's own object, which is read and never deleted."""
    return key.startswith(S3)
