"""Judges the key of a request again before what the request changes is committed."""

import math
import time

from django.conf import settings

from keys.errors import InvalidKey
from keys.models import APIKey
from keys.principal import Principal
from mcp_project.database import transactions
from mcp_project.errors import Forbidden


class Judgement:
    """A request's key as it was judged, and when. Called before each commit (transactions.change), it judges the
    key again if its row was read more than KEY_CACHE_SECONDS ago; else it costs no query.

    So no change is committed later than KEY_CACHE_SECONDS, and the time that a COMMIT takes, after its key has ended.
    """

    __slots__ = ("_address", "_principal", "_read_at")

    def __init__(self, principal: Principal, address: str) -> None:
        self._principal = principal
        self._address = address
        self._read_at = principal.read_at

    def __call__(self) -> None:
        """Raises as `renew`."""
        if time.monotonic() - self._read_at > settings.KEY_CACHE_SECONDS:
            self.renew()

    def renew(self) -> None:
        """Read the key's row and judge by it. Raises Unauthenticated as `authenticate` does, and Forbidden when
        the key has fewer rights than those that the request was carried out with."""
        read_at = time.monotonic()
        row = APIKey.objects.filter(pk=self._principal.key_id).first()
        if row is None:
            raise InvalidKey
        principal = Principal.of(row, read_at)
        principal.require_valid(self._address)
        if not principal.keeps_rights_of(self._principal):
            raise Forbidden("The key's rights changed while the request waited. Nothing was done: repeat it.")
        self._read_at = read_at

    def settle(self) -> None:
        """Renew the principal like `renew`, and lock the key's row for the rest of the transaction, which is about to
        change it."""
        self.renew()
        self._read_at = math.inf


def settle() -> None:
    """Judge the request's key now instead of at the commit. For a request that holds its own key's row and is about to
    change it: at the commit that would look like another request's change. Raises as `Judgement.renew`."""
    judgement = transactions.judge.get()
    if isinstance(judgement, Judgement):
        judgement.settle()
