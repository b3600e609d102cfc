"""Writes rubberduck/api/route_table.py from the API's decorators: `python -m docs.api_routes`.

The site registers that table, so that it starts without importing the views.
"""

from importlib import import_module
from pkgutil import iter_modules

import rubberduck.api
from rubberduck.api.blueprint import api
from rubberduck.core.settings import ROOT
from rubberduck.web.lazy_views import Route

TABLE = ROOT / "rubberduck" / "api" / "route_table.py"
HEAD = (
    '"""All routes of the API; `python -m docs.api_routes` writes them from its decorators."""\n\n'
)


def declared_routes() -> list[Route]:
    """Return what the modules of the API declare, by module; all of them are imported.

    In a module in their order: the first rule of a view is its address.
    """
    for module in iter_modules(rubberduck.api.__path__, f"{rubberduck.api.__name__}."):
        import_module(module.name)
    return sorted(api.routes, key=lambda route: route.view.partition(":")[0])


def source() -> str:
    """Return the table as a Python module."""
    prefix = f"{rubberduck.api.__name__}."
    lines = [
        f"{','.join(methods)} {rule} {view.removeprefix(prefix)}\n"
        for methods, rule, view in declared_routes()
    ]
    return f'{HEAD}ROUTES = """\n{"".join(lines)}"""\n'


if __name__ == "__main__":
    TABLE.write_text(source())
