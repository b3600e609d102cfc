"""A request that passed the guard."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """`target` names the operation; `orders` are the faults that the request orders, if any."""

    target: str
    body: bytes
    orders: str | None = None
    invocation: str | None = None
