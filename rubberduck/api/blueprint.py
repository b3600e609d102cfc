"""The blueprints of the JSON API, whose views are imported when they are first requested.

`python -m docs.api_routes` writes the table of their routes from the decorators of the modules.
"""

from flask import Blueprint, Response

from rubberduck.api.route_table import ROUTES
from rubberduck.api.tus import add_version
from rubberduck.web.lazy_views import DeclaredRoutes, LazyView, add_routes, parse_routes
from rubberduck.web.responses import CACHE_NO_STORE

api = DeclaredRoutes()  # whose decorators the modules use
api_blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
add_routes(api_blueprint, parse_routes(ROUTES, __package__))
api_blueprint.after_request(add_version)

openapi_blueprint = Blueprint("openapi", __name__)
openapi_blueprint.add_url_rule(
    "/api/openapi.json", view_func=LazyView("rubberduck.api.openapi.document:description")
)


@api_blueprint.after_request
def forbid_caching(response: Response) -> Response:
    """Set Cache-Control to private, no-store on responses that set none themselves."""
    response.headers.setdefault("Cache-Control", CACHE_NO_STORE)
    response.vary.add("Authorization")
    return response
