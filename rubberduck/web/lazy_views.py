"""Views whose modules are imported when they are first requested.

Flask's documentation has the pattern ("Lazily Loading Views"), as Flask-LazyViews 0.6 does: one
table of all routes, in place of decorators. Here decorators declare the routes, so that a view and
its address stay together, and the table is written from what they declare: a start registers it
without importing a view. Werkzeug's `import_string` does the import.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from werkzeug.utils import import_string

View = TypeVar("View", bound=Callable[..., Any])


class Route(NamedTuple):
    methods: tuple[str, ...]
    rule: str
    view: str  # "module:function"; the function's name is the endpoint's


class DeclaredRoutes:
    """Has the decorators of a blueprint, but only collects what they declare.

    `routes` are in their order, `views` are the functions by reference.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.views: dict[str, Callable[..., Any]] = {}

    def route(self, rule: str, *methods: str) -> Callable[[View], View]:
        def declare(view: View) -> View:
            reference = f"{view.__module__}:{view.__name__}"
            self.routes.append(Route(methods, rule, reference))
            self.views[reference] = view
            return view

        return declare

    def get(self, rule: str) -> Callable[[View], View]:
        return self.route(rule, "GET")

    def post(self, rule: str) -> Callable[[View], View]:
        return self.route(rule, "POST")

    def put(self, rule: str) -> Callable[[View], View]:
        return self.route(rule, "PUT")

    def patch(self, rule: str) -> Callable[[View], View]:
        return self.route(rule, "PATCH")

    def delete(self, rule: str) -> Callable[[View], View]:
        return self.route(rule, "DELETE")


class LazyView:
    """A view that imports its module when it is first called; for others it has the same names."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.__module__, _, self.__name__ = reference.partition(":")
        self.__qualname__ = self.__name__

    @cached_property
    def view(self) -> Callable[..., ResponseReturnValue]:
        """Return the view. Raises ImportError, or what its module raises."""
        view: Callable[..., ResponseReturnValue] = import_string(self.reference)
        return view

    def __call__(self, **values: Any) -> ResponseReturnValue:
        return self.view(**values)


def parse_routes(table: str, package: str) -> list[Route]:
    """Return the routes of a table: methods, rule and view, "module:function" in the package."""
    rows = (line.split() for line in table.strip().splitlines())
    return [Route(tuple(row[0].split(",")), row[1], f"{package}.{row[2]}") for row in rows]


def add_routes(blueprint: Blueprint, routes: Iterable[Route]) -> None:
    """Add the routes without importing their views."""
    routes, views = list(routes), dict[str, LazyView]()
    own_options = {route.rule for route in routes if "OPTIONS" in route.methods}
    for route in routes:
        view = views.setdefault(route.view, LazyView(route.view))
        blueprint.add_url_rule(
            route.rule,
            view.__name__,
            view,
            methods=route.methods,
            provide_automatic_options=False if route.rule in own_options else None,
        )


def load_views(app: Flask) -> None:
    """Import all views, for the processes that are forked from this one. Raises as `view` does."""
    for view in app.view_functions.values():
        if isinstance(view, LazyView):
            _ = view.view
