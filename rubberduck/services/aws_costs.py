"""What enters the costs of trainings at Amazon, from the parts of the site."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubberduck.billing.trainings import TrainingCosts
    from rubberduck.services.pipeline import Pipeline


def training_costs(site: "Pipeline") -> "TrainingCosts | None":
    """Return it; None for a site without a ledger."""
    from rubberduck.billing.trainings import TRAINING, TrainingCosts

    if site.open_ledger is None:
        return None
    ledger, prices = site.open_ledger()
    return TrainingCosts(ledger, prices[TRAINING])
