"""Videos on their way in: what is admitted, and how an upload in parts becomes a video."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rubberduck.core.resources import disk_space
from rubberduck.services.videos import VideoService, new_id, require_free_detector
from rubberduck.storage.folder import FolderStorage
from rubberduck.videos.errors import NoSuchVideo
from rubberduck.videos.upload_errors import NoVideo, StorageFull, TooManyVideos, UploadUnfinished
from rubberduck.videos.uploads import Uploads

if TYPE_CHECKING:
    from rubberduck.videos.models import Video
    from rubberduck.videos.upload_rows import Upload


@dataclass(frozen=True)
class Room:
    """What an owner has of the limits: bytes stored, and videos sent or analysed at the moment."""

    used: int
    most: int
    active: int
    most_active: int


@dataclass(frozen=True)
class VideoUploads:
    """The way of visitors' videos into the site. Limits are those of the service's settings."""

    service: VideoService

    @property
    def uploads(self) -> Uploads:
        pipeline = self.service.pipeline
        return Uploads(pipeline.results.database, pipeline.storage)

    def admit(self, owner: str, bytes: int) -> None:
        """Refuse a video that the site or its owner has no room for, before it is sent.

        Raises NoVideo, VideoTooLarge, VideosFull, SiteStorageFull, TooManyVideos, StorageFull.
        """
        if bytes <= 0:
            raise NoVideo("The file is empty.")
        self.service.require_size(bytes)
        self.service.require_room(owner, bytes)
        self.require_turn(owner)
        self.require_disk(bytes)

    def admit_whole(self, owner: str, bytes: int) -> None:
        """As `admit`, also of the question: the video is checked as soon as it is here.

        Raises NoFreeAnalysis besides.
        """
        require_free_detector(self.service.pipeline)
        self.admit(owner, bytes)

    def require_turn(self, owner: str) -> None:
        """Raise TooManyVideos if the owner has too many on their way or being analysed."""
        most = self.service.settings.video_owner_waiting
        if self._count_active(owner) >= most:
            raise TooManyVideos(most)

    def room(self, owner: str) -> Room:
        """Return what the owner has, and may have."""
        settings = self.service.settings
        return Room(
            used=self.service.videos.stored_bytes(owner),
            most=settings.video_owner_bytes,
            active=self._count_active(owner),
            most_active=settings.video_owner_waiting,
        )

    def _count_active(self, owner: str) -> int:
        return self.service.videos.count_active(owner) + len(self.uploads.pending(owner))

    def create(self, owner: str, bytes: int, metadata: str = "") -> "Upload":
        """Begin an upload in parts. Raises what `admit` does."""
        self.admit(owner, bytes)
        return self.uploads.create(new_id(), owner, bytes, metadata)

    def accept(self, id: str, owner: str) -> "Video":
        """Make a video of an upload that has all its bytes; again, return the same video.

        Raises NoSuchUpload, UploadUnfinished, NoSuchVideo if it was deleted, and what
        `VideoService.receive` raises: then the upload stays, and this can be tried again.
        """
        uploads = self.uploads
        upload = uploads.get(id, owner)
        if not upload.is_whole:
            raise UploadUnfinished(upload.received, upload.bytes)
        try:
            video = self.service.get(id, owner)
        except NoSuchVideo:
            if upload.video_id is not None:
                raise
            upload = uploads.finish(upload)
            video = self.service.receive(upload.key, owner, upload.bytes, id=id)
        if upload.video_id is None:
            uploads.set_video(upload)
        return video

    def require_disk(self, bytes: int) -> None:
        """Raise StorageFull if less than DUCK_MIN_FREE_DISK of a disk would be left.

        Where the storage is elsewhere, a video that does not come in parts still passes the disk.
        """
        storage, least = self.service.pipeline.storage, self.service.settings.min_free_disk
        folder = (
            storage.folder if isinstance(storage, FolderStorage) else Path(tempfile.gettempdir())
        )
        free, total = disk_space(folder)
        left = free - bytes - self.uploads.outstanding_bytes()
        if 100 * left < least * total:
            raise StorageFull(
                "Its disk is nearly full.",
                cause=f"{folder}: less than {least} % of the disk would be free; free some, or "
                "lower DUCK_MIN_FREE_DISK",
            )
