"""Times of a video as its player shows them."""


def clock(seconds: float, has_tenths: bool = False) -> str:
    """Return minutes and seconds, and hours if there are any.

    >>> clock(72.46), clock(3723.9), clock(72.46, has_tenths=True)
    ('1:12', '1:02:03', '1:12.4')
    """
    tenths = int(seconds * 10 + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02}" + (f".{rest % 10}" if has_tenths else "")
