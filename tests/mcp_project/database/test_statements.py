"""mcp_project.database.statements: as plain Django reads and writes, in less time."""

import pytest
from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict

from mcp_project.audit.models import AuditEntry
from mcp_project.database.statements import Lookup, insert, insert_if_absent, update
from registry.models import Context, RegisteredModel

FIELDS = [field.attname for field in RegisteredModel._meta.concrete_fields]


def stored() -> RegisteredModel:
    return RegisteredModel.objects.create(name="churn", owner="ann", tags={"a": "é"}, aliases={"b": 1}, edition=7)


def everything_in(model: RegisteredModel) -> dict[str, object]:
    return {name: getattr(model, name) for name in FIELDS}


@pytest.mark.parametrize("lock", [False, True])
def test_lookup_reads_each_field_as_a_query_set_does(db: None, lock: bool) -> None:
    stored()

    [found] = Lookup(RegisteredModel, "name = %s")("churn", lock=lock)

    assert everything_in(found) == everything_in(RegisteredModel.objects.get(name="churn"))
    assert found._state.adding is False
    found.save()


def test_update_writes_the_named_fields_alone(db: None) -> None:
    model = stored()
    model.tags, model.edition, model.owner = {"x": "y"}, 8, "bob"

    update(model, "tags", "edition")

    now = RegisteredModel.objects.get()
    assert (now.tags, now.edition, now.owner) == ({"x": "y"}, 8, "ann")


def test_insert_writes_what_saving_writes(db: None) -> None:
    context = Context(name="support", owner="ann", models=["churn"], tags={"a": "é"})
    entry = AuditEntry(actor="command", action="create", object_type="context", object_id="7", changes={"a": [1, None]})

    for row in (context, entry):
        insert(row)
        assert model_to_dict(type(row)._default_manager.get(pk=row.pk)) == model_to_dict(row)
        assert not row._state.adding
    assert entry.at is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Context(name="support", owner="bob"))


def test_insert_does_nothing_where_a_unique_name_is_taken(db: None) -> None:
    first = stored()

    assert not insert_if_absent(RegisteredModel(name="churn", owner="bob"))
    assert insert_if_absent(RegisteredModel(name="other", owner="bob"))
    assert model_to_dict(RegisteredModel.objects.get(name="churn")) == model_to_dict(first)
