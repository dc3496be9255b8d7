"""Names that look the same are the same."""

import pytest

from tests.support.api import Api
from tests.support.deployments import body, make_model
from tests.support.resources import errors

REFUSED = [
    "cafe\u0301",  # NFD
    "\u212bngstrom",  # the sign of the unit, which NFC changes into the letter
    "ch\u0430rn",  # a Cyrillic letter among Latin ones
    "churn-\u0430",  # and alone
    "\u0441\u043e\u0440\u0430",  # all of them Cyrillic, and none only so
    "\u0391\u0392",
    "m\u043edel v2",
]
TAKEN = ["café", "модель", "модель-v2", "μ-net", "β-VAE", "モデル-v2", "模型", "نموذج", "ünï*code", "naïve_2", "λ", "Ω"]


@pytest.mark.parametrize("name", REFUSED)
def test_name_that_looks_like_another_is_refused(owner: Api, name: str) -> None:
    make_model("churn")

    assert errors(owner.post("/api/models", {"name": name})) == {"name"}
    assert errors(owner.post("/api/contexts", {"name": name})) == {"name"}
    assert errors(owner.post("/api/deployments", body(name=name))) == {"name"}


@pytest.mark.parametrize("name", TAKEN)
def test_name_in_any_one_script_is_taken(owner: Api, name: str) -> None:
    assert owner.post("/api/models", {"name": name}).status_code == 201
    assert owner.post("/api/contexts", {"name": name}).status_code == 201


def test_alias_that_looks_like_another_is_refused(owner: Api) -> None:
    make_model("churn")

    assert errors(owner("PUT", "/api/models/churn/aliases/ch%D0%B0mpion", {"version": 1})) == {"alias"}
    assert owner("PUT", "/api/models/churn/aliases/чемпион", {"version": 1}).status_code == 200
