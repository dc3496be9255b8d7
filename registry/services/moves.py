"""The background task for aliases with many followers. The alias moves at once; its followers come after in steps, each
in a transaction of its own. Until the last step, the alias is `moving`."""

from uuid import UUID

from mcp_project.database import transactions
from mcp_project.serving.periodic import Periodic
from registry.models import RegisteredModel
from registry.services import followers


class Mover(Periodic):
    """Does the steps, in each worker: whichever holds the model's row has the work of it."""

    name = "alias_moves"
    seconds = 1.0

    def act(self, last: bool) -> None:
        moving = [] if last else list(pending())
        while moving and not self._stopping.is_set():
            moving = [pk for pk in moving if step(pk)]


def pending() -> list[UUID]:
    return list(RegisteredModel.objects.order_by().exclude(moving={}).values_list("pk", flat=True))


@transactions.change
def step(pk: UUID) -> bool:
    """Move some followers of one alias; whether there may be more. False while another holds the model."""
    model = RegisteredModel.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
    if model is None or not model.moving:
        return False
    followers.follow_in_steps(model, min(model.moving))
    return bool(model.moving)


mover = Mover()
