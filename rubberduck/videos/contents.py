"""What a file is by its first bytes, if it is clearly no video: for an answer that helps."""

from enum import Enum, auto

HEAD = 4096  # bytes that are looked at


class Content(Enum):
    EMPTY = auto()
    PLAYLIST = auto()  # names other files
    PICTURE = auto()
    VIDEO = auto()  # by its beginning, whether or not it is complete
    OTHER = auto()


PLAYLISTS = (
    b"#EXTM3U",
    b"ffconcat",
    b"[playlist]",
    b"v=0\r\n",
    b"v=0\n",
    b"RTSPtext",
    b"[InternetS",
)
XML_PLAYLISTS = (b"<mpd", b"<smil", b"<asx", b"<playlist", b"<smoothstreamingmedia")
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
PICTURE_BRANDS = (*HEIF_BRANDS, b"avif", b"avis", b"crx ")
EBML = b"\x1aE\xdf\xa3"  # Matroska
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def content_of(head: bytes) -> Content:
    """Return what a file is that begins with these bytes."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        return Content.EMPTY
    is_xml = text.startswith(b"<") and any(tag in text.lower() for tag in XML_PLAYLISTS)
    if text.startswith(PLAYLISTS) or is_xml or b"rmra" in head[:64]:
        return Content.PLAYLIST
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if head.startswith(PICTURES) or is_webp or head[4:12] in {b"ftyp" + b for b in PICTURE_BRANDS}:
        return Content.PICTURE
    is_transport = head[0] == head[188 % len(head)] == 0x47
    is_video = head[4:8] in BOXES or head.startswith(EBML) or head[8:12] == b"AVI " or is_transport
    return Content.VIDEO if is_video else Content.OTHER
