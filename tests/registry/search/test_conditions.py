"""Filters, as conditions for the database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F, Func, Q, TextField, Value

from registry.models import RegisteredModel
from registry.search.conditions import MODEL_FIELDS, VERSION_FIELDS, Differs, ILike, Like, condition
from registry.search.grammar import Clause, FilterError, parse_filter
from tests.support.api import Api

MODELS: list[dict[str, object]] = [
    {"name": "churn", "owner": "ann", "framework": "sklearn", "tags": {"stage": "live", "1": "one"}},
    {"name": "Churn", "owner": "bob", "tags": {"stage": "test", "a b": "50%"}},
    {"name": "churn_1", "owner": "ann", "task": "ranking", "tags": {"stage": "Live"}},
    {"name": "churnx1", "owner": "ann"},
    {"name": "50%", "owner": "o'neil", "tags": {"it's": 'a"b\\'}},
    {"name": "a\\b", "owner": "ann", "tags": {"stage": ""}},
    {"name": "größe", "owner": "ann", "tags": {"schlüssel": "größe"}},
]
NAMES = {str(model["name"]) for model in MODELS}
MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
MILLISECOND = 1_714_979_289_123


@pytest.fixture
def _models(db: None) -> None:
    for fields in MODELS:
        RegisteredModel.objects.create(**fields)


def found(text: str) -> set[str]:
    models = RegisteredModel.objects.filter(condition(parse_filter(text), MODEL_FIELDS))
    return set(models.values_list("name", flat=True))


@pytest.mark.usefixtures("_models")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", NAMES),
        ("name = 'churn'", {"churn"}),
        ("name = 'churn%'", set()),
        ("name != 'churn'", NAMES - {"churn"}),
        ("name IN ('churn', '50%', 'nothing')", {"churn", "50%"}),
        ("name NOT IN ('churn', '50%')", NAMES - {"churn", "50%"}),
        ("name LIKE 'churn'", {"churn"}),
        ("name LIKE 'churn%'", {"churn", "churn_1", "churnx1"}),
        ("name LIKE 'churn_1'", {"churn_1", "churnx1"}),
        (r"name LIKE 'churn\_1'", {"churn_1"}),
        (r"name LIKE '%\%'", {"50%"}),
        (r"name LIKE 'a\\b'", {"a\\b"}),
        ("name LIKE '%'", NAMES),
        ("name LIKE ''", set()),
        ("name ILIKE 'CHURN%'", {"churn", "Churn", "churn_1", "churnx1"}),
        ("name ILIKE 'GR_SSE'", set()),
        ("name ILIKE 'gr_ßE'", {"größe"}),
        ("owner = 'o''neil'", {"50%"}),
        ("framework = 'sklearn'", {"churn"}),
        ("framework != 'sklearn'", NAMES - {"churn"}),
        ("task LIKE 'rank%' AND owner = 'ann'", {"churn_1"}),
        ("task LIKE 'rank%' AND owner = 'bob'", set()),
        ("name LIKE 'churn%' AND name != 'churn'", {"churn_1", "churnx1"}),
        ("name = ''' OR 1=1 --'", set()),
        ("name = '%s %(a)s {0}'", set()),
        ("name LIKE '%s'", set()),
        ("name IN ('''); DROP TABLE registry_registeredmodel; --')", set()),
    ],
)
def test_attributes(text: str, names: set[str]) -> None:
    assert found(text) == names


@pytest.mark.usefixtures("_models")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tags.stage = 'live'", {"churn"}),
        ("tag.stage != 'live'", {"Churn", "churn_1", "a\\b"}),
        ("tags.stage = ''", {"a\\b"}),
        ("tags.stage LIKE 'l%'", {"churn"}),
        ("tags.stage LIKE '_ive'", {"churn", "churn_1"}),
        ("tags.stage ILIKE 'L%E'", {"churn", "churn_1"}),
        ("tags.stage LIKE '%'", {"churn", "Churn", "churn_1", "a\\b"}),
        ("tags.Stage = 'live'", set()),
        ("tags.1 = 'one'", {"churn"}),
        ("tags.1 != 'two'", {"churn"}),
        ("tags.1 LIKE 'o%'", {"churn"}),
        ("tags.0 LIKE '%'", set()),
        ("tags.`a b` = '50%'", {"Churn"}),
        ("tags.`a b` = '50_'", set()),
        (r"tags.`a b` LIKE '50\%'", {"Churn"}),
        (r"""tags."it's" = 'a"b\\'""", {"50%"}),
        (r"""tags."it's" LIKE 'a"b\\\\'""", {"50%"}),
        ("tags.schlüssel = 'größe'", {"größe"}),
        ("tags.`{stage}` = 'live'", set()),
        ("tags.`stage,1` != 'x'", set()),
        ("tags.`'); DROP TABLE x; --` LIKE '%'", set()),
        ("tags.`%s` != '%s'", set()),
        ("tags.stage = 'live' AND tags.1 = 'one' AND name LIKE 'c%'", {"churn"}),
        ("tags.stage = 'live' AND tags.stage = 'test'", set()),
    ],
)
def test_tags(text: str, names: set[str]) -> None:
    assert found(text) == names


@pytest.mark.usefixtures("_models")
@pytest.mark.parametrize(("name", "longest"), [("name", 500), ("tags.stage", 100)])
@pytest.mark.parametrize("operator", ["LIKE", "ILIKE"])
def test_long_patterns_are_refused(name: str, operator: str, longest: int) -> None:
    assert found(f"{name} {operator} '{'%' * longest}'")
    with pytest.raises(FilterError, match=f"over {longest} characters"):
        found(f"{name} {operator} '{'%' * (longest + 1)}'")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["creation_timestamp", "last_updated_timestamp"])
@pytest.mark.parametrize(
    ("comparison", "matches"),
    [
        ("= {}", (True, False, False)),
        ("!= {}", (False, True, True)),
        ("< {}", (False, True, False)),
        ("<= {}", (True, True, False)),
        ("> {}", (False, False, True)),
        (">= {}", (True, False, True)),
        ("= '{}'", (True, False, False)),
        ("> -1", (True, True, True)),
        ("< 999999999999999999", (True, True, True)),
        ("<= -999999999999999999", (False, False, False)),
        ("= 999999999999999999", (False, False, False)),
        ("!= 253402300799999", (True, True, True)),
    ],
)
def test_times_are_compared_in_milliseconds(key: str, comparison: str, matches: tuple[bool, ...]) -> None:
    """A time with microseconds, and the times of the milliseconds before and after."""
    moments = (MOMENT, MOMENT - timedelta(microseconds=457), MOMENT + timedelta(microseconds=544))
    for name, moment in zip("abc", moments, strict=True):
        RegisteredModel.objects.create(name=name, owner="ann")
        RegisteredModel.objects.filter(name=name).update(created_at=moment, updated_at=moment)

    wanted = {name for name, match in zip("abc", matches, strict=True) if match}

    assert found(f"{key} {comparison.format(MILLISECOND)}") == wanted


@pytest.mark.usefixtures("_models")
def test_equality_of_a_tag_is_served_by_the_index() -> None:
    models = RegisteredModel.objects.filter(condition(parse_filter("tags.stage = 'live'"), MODEL_FIELDS))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

        plan = models.order_by().explain()

    assert "registry_model_tags" in plan
    assert 'Index Cond: (tags @> \'{"stage": "live"}\'::jsonb)' in plan


@pytest.mark.usefixtures("_models")
def test_beginning_of_a_name_is_served_by_its_index() -> None:
    models = RegisteredModel.objects.filter(condition(parse_filter("name LIKE 'churn%'"), MODEL_FIELDS))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

        assert "name)::text ~>=~ 'churn'" in models.order_by().explain()


TAG = Func(F("tags"), Value("k"), function="jsonb_extract_path_text", output_field=TextField())
PRESENT = Q(run_id__isnull=False)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name = 'a'", Q(model__name="a")),
        ("name LIKE 'a%'", Q(Like(F("model__name"), Value("a%")))),
        ("name IN ('a', 'b')", Q(model__name__in=("a", "b"))),
        ("run_id = 'a'", Q(run_id="a")),
        ("run_id != 'a'", PRESENT & ~Q(run_id="a")),
        ("run_id NOT IN ('a')", PRESENT & ~Q(run_id__in=("a",))),
        ("source_path ILIKE 's3://%'", Q(ILike(F("source"), Value("s3://%")))),
        ("version_number = 1", Q(number=1)),
        ("version_number = '1'", Q(number=1)),
        ("version_number != 1", Q(number__isnull=False) & ~Q(number=1)),
        ("version_number < 1", Q(number__lt=1)),
        ("version_number <= 1", Q(number__lte=1)),
        ("version_number > 1", Q(number__gt=1)),
        ("version_number >= 1", Q(number__gte=1)),
        ("status = 'READY'", Q(status="READY")),
        ("stage = 'Staging' AND current_stage IN ('Staging')", Q(stage="Staging") & Q(stage__in=("Staging",))),
        ("tags.k = 'v'", Q(tags__contains={"k": "v"})),
        ("tags.k != 'v'", Q(Differs(TAG, Value("v")))),
        ("tags.k LIKE 'v%'", Q(Like(TAG, Value("v%")))),
    ],
)
def test_versions(text: str, wanted: Q) -> None:
    made = condition(parse_filter(text), VERSION_FIELDS)

    assert str(made).replace("__exact", "") == str(wanted)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "run_id = 'x'",
            "There is no attribute 'run_id': there are name, owner, framework, task, creation_timestamp, "
            "last_updated_timestamp, and tags.<key>.",
        ),
        ("name < 'x'", "The attribute 'name' is compared by = != LIKE ILIKE IN NOT IN, not by <."),
        ("name = 1", "The attribute 'name' is compared with a string in quotes, not with 1."),
        ("name LIKE 1", "The attribute 'name' is compared with a string in quotes, not with 1."),
        (r"name LIKE 'a\\'", "The pattern for the attribute 'name' ends in a backslash with nothing to escape."),
        (r"tags.k ILIKE '\\'", "The pattern for the tag 'k' ends in a backslash with nothing to escape."),
        ("tags.k IN ('x')", "The tag 'k' is compared by = != LIKE ILIKE, not by IN."),
        ("tags.k > 'x'", "The tag 'k' is compared by = != LIKE ILIKE, not by >."),
        ("tags.k = 1", "The tag 'k' is compared with a string in quotes, not with 1."),
        (
            "creation_timestamp LIKE '1'",
            "The attribute 'creation_timestamp' is compared by = != < <= > >=, not by LIKE.",
        ),
        (
            "creation_timestamp = 'x'",
            "The attribute 'creation_timestamp' is compared with a whole number of at most 18 digits.",
        ),
        (
            f"creation_timestamp = '{'9' * 19}'",
            "The attribute 'creation_timestamp' is compared with a whole number of at most 18 digits.",
        ),
        (f"tags.{'k' * 60} > 'x'", f"The tag '{'k' * 50}…' is compared by = != LIKE ILIKE, not by >."),
    ],
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    with pytest.raises(FilterError) as raised:
        condition(parse_filter(text), MODEL_FIELDS)

    assert str(raised.value) == sentence


@pytest.mark.parametrize("value", ["0.9", "nothing", "1", "('x'", ""])
def test_unknown_attribute_is_blamed_and_not_its_value(owner: Api, value: str) -> None:
    owner.post("/api/models", {"name": "churn"})

    response = owner.get(f"/api/models/churn/versions?filter=metrics.auc > {value}")

    [error] = response.json()["errors"]
    assert (response.status_code, error["field"]) == (400, "filter")
    assert error["detail"] == (
        f"There is no attribute 'metrics.auc': there are {', '.join(VERSION_FIELDS.attributes)}, and tags.<key>."
    )


def test_source_path_takes_no_list() -> None:
    with pytest.raises(FilterError, match="The attribute 'source_path' is compared by = != LIKE ILIKE, not by IN"):
        condition(parse_filter("source_path IN ('x')"), VERSION_FIELDS)


@pytest.mark.usefixtures("_models")
def test_clause_can_be_given_another_meaning() -> None:
    """As an adapter does that treats models without the tag as models, not as prompts."""
    clauses = parse_filter("tags.stage != 'live' AND name LIKE 'churn%'")
    apart = Clause("tag", "stage", "!=", "live")

    rest = condition((clause for clause in clauses if clause != apart), MODEL_FIELDS)
    models = RegisteredModel.objects.filter(rest).exclude(tags__contains={"stage": "live"})

    assert set(models.values_list("name", flat=True)) == {"churn_1", "churnx1"}
