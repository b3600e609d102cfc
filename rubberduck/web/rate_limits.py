"""Rate limits per client address, for everything that costs money or work."""

import logging
import re
import time
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limit, Limiter
from limits.errors import StorageError

from rubberduck.core.errors import Unavailable
from rubberduck.core.settings import Settings
from rubberduck.web.api_keys import sent_key
from rubberduck.web.sessions import known_visitor

KIND = {
    "home.upload": "uploads",
    "api.upload": "uploads",
    "install.share": "uploads",
    "install.check_shared": "uploads",
    "celebrities.recognize": "uploads",
    "api.recognize_celebrities": "uploads",
    "faces.send": "uploads",
    "api.analyze_faces": "uploads",
    "collections.index_person": "uploads",
    "collections.add_picture": "uploads",
    "collections.search": "uploads",
    "collections.create": "changes",
    "collections.compare": "changes",
    "collections.delete": "changes",
    "collections.delete_person": "changes",
    "collections.change_user": "changes",
    "api.add_collection_person": "uploads",
    "api.add_collection_face": "uploads",
    "api.search_collection": "uploads",
    "api.create_collection": "changes",
    "api.compare_collection": "changes",
    "api.delete_collection": "changes",
    "api.delete_collection_person": "changes",
    "api.delete_collection_strangers": "changes",
    "api.join_collection_faces": "changes",
    "api.part_collection_faces": "changes",
    "which.ask": "uploads",
    "which.photo": "drawings",
    "api.ask_which": "uploads",
    "named_objects.create": "changes",
    "named_objects.add_photos": "changes",
    "named_objects.rename": "changes",
    "named_objects.delete_photo": "changes",
    "named_objects.delete": "changes",
    "named_objects.delete_all": "changes",
    "api.create_named_object": "changes",
    "api.rename_named_object": "changes",
    "api.add_named_photo": "changes",
    "api.delete_named_photo": "changes",
    "api.delete_named_object": "changes",
    "api.delete_named_objects": "changes",
    "api.analyze_frame": "frames",
    "api.analyze_face_frame": "frames",
    "home.preview": "frames",
    "results.delete": "changes",
    "results.judge": "changes",
    "api.delete_result": "changes",
    "api.judge_result": "changes",
    "api.delete_results": "changes",
    "api.revoke_key": "changes",
    "faces.withdraw": "changes",
    "api.delete_faces": "changes",
    "mine.delete": "changes",
    "mine.withdraw": "changes",
    "mine.take_back": "changes",
    "mine.delete_all": "changes",
    "jobs.cancel": "changes",
    "videos.send": "videos",
    "api.create_video": "videos",
    "api.create_upload": "videos",
    "api.get_upload": "parts",
    "api.append_upload": "parts",
    "api.delete_upload": "parts",
    "videos.accept": "changes",
    "videos.delete_upload": "changes",
    "videos.cancel": "changes",
    "videos.retry": "changes",
    "videos.render": "changes",
    "videos.delete": "changes",
    "model_life.start": "changes",
    "model_life.stop": "changes",
    "model_life.extend": "changes",
    "model_life.default": "changes",
    "model_life.self_start": "changes",
    "api.start_model": "changes",
    "api.stop_model": "changes",
    "api.extend_model": "changes",
    "api.put_model_life": "changes",
    "jobs.retry": "changes",
    "api.cancel_job_by_id": "changes",
    "api.retry_job_by_id": "changes",
    "keys.create": "changes",
    "keys.revoke": "changes",
    "api.put_corrections": "changes",
    "api.delete_corrections": "changes",
    "sign_in.show_link": "sign-ins",
    "sign_in.use_link": "sign-ins",
    "sign_in.begin": "sign-ins",
    "sign_in.finish": "sign-ins",
    "sign_in.sign_out": "changes",
    "operators.end_session": "changes",
    "api.end_session": "changes",
    "operators.create_key": "changes",
    "operators.revoke_key": "changes",
    "api.create_account_key": "changes",
    "api.revoke_account_key": "changes",
    "statistics.chart": "drawings",
    "results.thumbnail": "drawings",
    "results.marked": "drawings",
    "faces.picture": "drawings",
    "api.cancel_video": "changes",
    "api.delete_video": "changes",
    "api.export_video": "drawings",
    "api.list_video_labels": "drawings",
    "api.list_video_tracks": "drawings",
    "videos.show": "drawings",
    "videos.tracks": "drawings",
    "videos.export": "drawings",
}
FRAMES = 1200  # a minute and device: the camera's script sends up to 15 frames a second
FRAMES_PER_ADDRESS = 6000  # a minute: several devices may share an address
CHANGES = 120
VIDEOS = 60  # an hour; one that comes in parts counts twice
PARTS = 1200  # of 8 MB
WRONG_KEYS = 30
DRAWINGS = 600
SIGN_INS = 30
MINUTE, HOUR = 60, 3600  # seconds
IPV6_PREFIX_BITS = 64  # a provider gives the remaining bits to one household
ADDRESS_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}")


def register_rate_limits(app: Flask, settings: Settings) -> None:
    """Counts in this process while the store does not answer, and logs the change."""
    if not settings.uploads_a_minute:
        return
    limits = {
        "uploads": f"{settings.uploads_a_minute} per minute",
        "frames": f"{FRAMES_PER_ADDRESS} per minute",
        "changes": f"{CHANGES} per minute",
        "videos": f"{VIDEOS} per hour",
        "parts": f"{PARTS} per minute",
        "drawings": f"{DRAWINGS} per minute",
        "sign-ins": f"{SIGN_INS} per minute",
    }
    logging.getLogger("flask-limiter").setLevel(logging.WARNING)  # the access log has the 429s
    in_memory = settings.rate_store.startswith("memory:")
    app.extensions["limits"] = Limiter(
        client,
        app=app,
        default_limits=[
            Limit(lambda: limits.get(_kind(), ""), scope=lambda _: _kind(), shared=True),
            Limit(
                lambda: f"{FRAMES} per minute" if _kind() == "frames" else "",
                key_function=device,
                scope="frames of a device",
                shared=True,
            ),
            Limit(
                lambda: f"{WRONG_KEYS} per minute" if sent_key() is not None else "",
                scope="wrong API keys",
                shared=True,
                deduct_when=lambda response: response.status_code == HTTPStatus.UNAUTHORIZED,
            ),
        ],
        strategy="moving-window",
        storage_uri=settings.rate_store,
        storage_options={} if in_memory else _fast_redis_options(),
        in_memory_fallback_enabled=not in_memory,
    )


def _fast_redis_options() -> dict[str, Any]:
    """Return the store with short time-outs: a slow one must not delay visitors."""
    # Imported late: without Redis the site starts without its library.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
        "retry": Retry(NoBackoff(), 1),
        "wrap_exceptions": True,
    }


def _kind() -> str:
    return KIND.get(request.endpoint or "", "")


def device() -> str:
    """Return the visitor's id, or the network address of a client without our cookie."""
    return known_visitor() or client()


def client() -> str:
    """Return the client's network address, as seen by the trusted proxies, as its identity."""
    return client_of(request.remote_addr or "")


def client_of(given: str) -> str:
    """Return the address of one client; IPv6 addresses of one household are one client.

    Accepts a port, which some proxies add. All invalid addresses count as one client.

    >>> [client_of(given) for given in ("192.0.2.7", "192.0.2.7:5123", "[2001:db8::7]:5123")]
    ['192.0.2.7', '192.0.2.7', '2001:db8::/64']
    >>> [client_of(given) for given in ("unknown", "_hidden", "a:b:c", "")]
    ['unknown', 'unknown', 'unknown', 'unknown']
    """
    match = ADDRESS_WITH_PORT.fullmatch(given.strip())
    try:
        address = ip_address((match[1] or match[2]) if match else given.strip())
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))


def check_rate_store() -> None:
    """Raise the site's error if the store does not answer."""
    limiter: Limiter | None = current_app.extensions.get("limits")
    if limiter and not limiter.storage.check():
        raise Unavailable(
            "The rate limit store is unavailable.",
            cause="the store of the counts does not answer, so each process counts for itself: "
            "is Redis running, and DUCK_RATE_STORE right?",
        )


def seconds_to_wait() -> int:
    """Return the seconds until the client may send the next request."""
    limiter: Limiter = current_app.extensions["limits"]
    refused = limiter.current_limit
    try:
        until = refused.reset_at if refused else time.time() + MINUTE
    except StorageError:
        return MINUTE
    return max(1, min(HOUR, round(until - time.time())))
