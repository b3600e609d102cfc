"""URL rules whose address builders are compiled when the first address is built.

Werkzeug 3.1 compiles two functions for each rule when it is added, 1 ms each: of the rules of all
wings that is most of the start, and a process builds the addresses of few of them. There is no
option; `_compile_builder` is where it happens.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class LazyRule(Rule):
    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        """Return a function that compiles the address builder when it is called first."""
        compile_builder = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compile_builder(append_unknown)(rule, **values)

        return build
