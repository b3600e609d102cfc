"""Compiled templates, kept between starts: to compile those of the first page takes 20 ms.

They lie where Jinja puts them by default: in a folder of the system's temporary one that only this
user can read and write, by the checksum of their source. Nothing else may be compiled into them: a
filter of a constant would be, and a test holds that no template has one.
"""

import contextlib
import logging
from functools import cached_property

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

log = logging.getLogger(__name__)


class CompiledTemplates(BytecodeCache):
    """Jinja's cache of files, opened by the first template: commands and jobs have none."""

    @cached_property
    def files(self) -> FileSystemBytecodeCache | None:
        """Return the files; None if their folder cannot be made, or is another's."""
        try:
            return FileSystemBytecodeCache()
        except (OSError, RuntimeError) as error:
            log.debug("templates are compiled at each start cause=%s", error)
            return None

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template into the bucket, if it is kept."""
        if self.files:
            self.files.load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, unless the folder is gone or the disk is full."""
        if self.files:
            with contextlib.suppress(OSError):
                self.files.dump_bytecode(bucket)
