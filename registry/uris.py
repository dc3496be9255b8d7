"""URIs that name a registered model, in every notation that MLflow's client takes."""

import re
from urllib.parse import unquote

from keys.principal import Principal

# models:/name/3, models:/name/Production, models:/name/latest, models:/name@alias; the scheme in any case.
OF_MODELS = re.compile(r"\s*models:", re.IGNORECASE)
NOTATION = re.compile(r"\s*models:/+(?P<name>[^/:]+)(?:/[^/]+|@[^/@:]+)", re.IGNORECASE)
# The same for PostgreSQL, which does not decode %xx: with a `%` a source of this scheme matches nothing.
SQL_OF_MODELS = r"^\s*models:"
SQL_NOTATION = r"^\s*models:/+([^/:%]+)(?:/[^/%]+|@[^/@:%]+)$"


def may_see_uri(principal: Principal, uri: str) -> bool:
    """Whether the principal may see the model that a URI names, however often it is percent-encoded. Every key may see
    a URI that names no model. A URI of the scheme in an unknown notation is only for keys that see all models."""
    if principal.model_patterns is None:
        return True
    while True:
        if OF_MODELS.match(uri):
            match = NOTATION.fullmatch(uri)
            if match is None or not principal.may_see(match["name"]):
                return False
        decoded = unquote(uri)
        if decoded == uri:
            return True
        uri = decoded
