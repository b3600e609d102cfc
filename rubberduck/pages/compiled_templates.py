"""Compiled templates, kept between starts: to compile those of the first page takes 40 ms.

They lie where Jinja puts them by default: in a folder of the system's temporary one that only this
user can read and write, by the checksum of their source. Nothing else may be compiled into them: a
filter of a constant would be, and a test holds that no template has one.
"""

import contextlib
import logging

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

log = logging.getLogger(__name__)


class _CompiledTemplates(FileSystemBytecodeCache):
    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, unless the folder is gone or the disk is full."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


def compiled_templates() -> BytecodeCache | None:
    """Return where compiled templates are kept; None if the folder is missing or another's."""
    try:
        return _CompiledTemplates()
    except (OSError, RuntimeError) as error:
        log.debug("templates are compiled at each start cause=%s", error)
        return None
