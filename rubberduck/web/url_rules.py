"""URL rules whose address builders are compiled when the first address is built.

Werkzeug 3.1 compiles two functions for each rule when it is added, 1 ms each: of the rules of all
wings that is most of the start, and a process builds the addresses of few of them. There is no
option; `_compile_builder` is where it happens.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class LazyRule(Rule):
    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compiled: list[Builder] = []
        compile_now = super()._compile_builder

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build
