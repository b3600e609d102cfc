"""The errors of spending."""

from rubberduck.core.errors import BudgetSpent


class SpendingLimitReached(BudgetSpent):
    """DUCK_DAILY_USD or DUCK_MONTHLY_USD does not allow this; nothing was spent.

    Operators see it; a visitor's call that the limits refuse is a BudgetSpent.
    """

    slug = "spending-limit"
    title = "The spending limit is reached"
    hint = "Wait until then, or raise DUCK_DAILY_USD or DUCK_MONTHLY_USD. Nothing was started."

    def __init__(self, period: str, limit: str, seconds: int) -> None:
        super().__init__(
            "This would exceed the limit of ${limit} for {period} (UTC).",
            seconds=seconds,
            period=period,
            limit=limit,
        )
        self.period = period
