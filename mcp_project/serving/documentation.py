"""The OpenAPI document's texts and examples for what the frame itself answers, and for what all apps share."""

from mcp_project.http.documentation import Operation

OPERATIONS = {
    "GET /health": Operation(
        "Check whether the service can do its work",
        "Answers within two seconds: 200 when the database answers, takes writes and is migrated, and a thread is "
        "free; else 503, with the same body. A load balancer takes a host out while this fails.",
        response={
            "status": "ok",
            "version": "0.1.0",
            "checks": {"database": "ok", "migrations": "ok", "threads": "ok"},
        },
    ),
    "GET /health/live": Operation(
        "Check whether the process answers",
        "Checks nothing else. A supervisor restarts a process for which this fails.",
        response={"status": "ok", "version": "0.1.0"},
    ),
    "GET /metrics": Operation(
        "Read the metrics of this host",
        "The metrics of all workers of the host, in Prometheus' text format. Only addresses in `METRICS_ALLOWED_IPS` "
        "may read them. `docs/metrics.md` lists them.",
        others={
            "text/plain": "# HELP mcp_requests_total Answered requests under /api/.\n"
            "# TYPE mcp_requests_total counter\n"
            'mcp_requests_total{method="GET",route="model-detail",status="200"} 1027.0\n'
        },
    ),
}

PARAMETERS = {
    "name": "Only those with exactly this name.",
    "owner": "Only those of exactly this owner.",
}

FIELDS = {
    "id": "The id: a UUID, made by the service.",
    "name": "The name. Names are unique among resources of one kind.",
    "description": "A description, in Markdown.",
    "tags": "Tags of your own: text → text, up to 100.",
    "metadata": "A JSON object of your own, up to 64 KiB.",
    "digest": "`sha256:` and 64 hexadecimal digits.",
    "created_at": "When it was created.",
    "created_by": "Who created it: `key:<id>`, `user:<name>`, `command` or `init`.",
    "updated_at": "When it was last changed.",
    "at": "When it happened.",
    "actor": "Who did it: `key:<id>`, `user:<name>`, `command` or `init`.",
    "message": "Why, in words.",
    "next": "The address of the next page; null on the last.",
    "previous": "The address of the previous page; null on the first.",
    "results": "The rows of this page.",
    "code": "The code of the error.",
    "detail": "What went wrong, in a sentence.",
    "errors": "What is wrong with which field.",
    "request_id": "The id of the request, as in `X-Request-ID`.",
    "Error.timestamp": "When the error happened.",
    "Health.version": "The version of the service.",
    "Live.version": "The version of the service.",
    "Health.checks": "The state of each part.",
    "Checks.migrations": "`ok`; `pending`; or `unknown` while the database does not answer.",
    "FieldError.field": "The field; one within another reads `outer.inner`.",
}
