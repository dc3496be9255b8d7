"""Search for words of the name, the description and the tags."""

from typing import Any

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

MAX_SEARCH = 200  # characters of a search
FEW = 1_000  # up to this many matches are selected by their ids


def having_words(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The rows that match a search in PostgreSQL's websearch syntax.

    It uses the generated column `words`, which the migrations make and Django does not know.
    """
    has_words = f"{rows.model._meta.db_table}.words @@ websearch_to_tsquery('simple', %s)"
    matches = RawSQL(has_words, [text], output_field=BooleanField())  # noqa: S611  (no part of it is a client's)
    # The planner has no statistics of rare words: it would read all rows in the list's order to find them.
    few = list(rows.order_by().filter(matches).values_list("pk", flat=True)[: FEW + 1])
    return rows.filter(pk__in=few) if len(few) <= FEW else rows.filter(matches)
