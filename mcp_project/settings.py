"""Django's settings. Everything that an operator can choose comes from the environment, by env.py."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.templatetags.static import static

from mcp_project import __version__, env
from mcp_project.database.config import database_from_environment, longest_answer, role_settings, service_role
from mcp_project.production import require_safe_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env.load(BASE_DIR / ".env")

PRODUCTION: bool = env.read("PRODUCTION")
DEBUG: bool = env.read("DEBUG") or env.read("APP_DEBUG")
SECRET_KEY: str = env.read("SECRET_KEY")
VAR_DIR = (BASE_DIR / env.read("VAR_DIR")).resolve()  # an absolute VAR_DIR replaces BASE_DIR

APP_HOST: str = env.read("APP_HOST")
APP_PORT: int = env.read("APP_PORT")
APP_WORKERS: int = env.read("APP_WORKERS")
APP_THREADS: int = env.read("APP_THREADS")

# --- Database: the configured PostgreSQL, else an embedded one under VAR_DIR ------------------------------------
EMBEDDED_POSTGRES_DIR = VAR_DIR / "postgres"
EMBEDDED_DATABASE: bool = not any(
    env.is_set(name) for name in ("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME")
)
REDIS_URL: str = env.read("REDIS_URL")
# Background tasks that each worker runs (mcp_project.serving.periodic), and checks that /health runs.
BACKGROUND_TASKS = [
    "usage.flusher.flusher",
    "usage.partitions.maintainer",
    "mcp_project.idempotency.sweeper.sweeper",
    "registry.services.moves.mover",
    "keys.streams.stream_watch",
    *(["keys.limits.background.quota_writer"] if REDIS_URL else []),
]
HEALTH_CHECKS = ["keys.limits.background.STORE_CHECK"]
# What the service speaks, and under which paths: mcp_project.http.protocols.
PROTOCOLS = ["mcp_project.http.rest.PROTOCOL"]
GREETINGS = ["keys.first_key.greeting"]  # what `serve` prints first: mcp_project.serving.greeting
# Modules that define errors with codes of their own.
ERRORS = ["mcp_project.http.codes", "mcp_project.idempotency.errors", "keys.errors", "usage.errors"]
IDEMPOTENCY_SCOPE = "keys.scope.KeyScope"  # whose repeats are recognised: mcp_project.idempotency.scope
REFUSES_BY_HEAD = "keys.head.refuses"  # called with a request's head before its body is read
# Every thread of a worker that uses the database holds at most one connection: those that answer requests, one for
# each background task, and the one that checks for /health. /metrics uses no database.
DATABASE_POOL_SIZE = APP_THREADS + len(BACKGROUND_TASKS) + 1
_embedded_dir = EMBEDDED_POSTGRES_DIR if EMBEDDED_DATABASE else None
DATABASES: dict[str, dict[str, Any]] = {"default": database_from_environment(_embedded_dir, DATABASE_POOL_SIZE)}
DATABASE_ROLE = service_role(_embedded_dir)
DATABASE_ROLE_SETTINGS = role_settings()
DATABASE_LONGEST_ANSWER = longest_answer()
PGBOUNCER: bool = env.read("PGBOUNCER")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Who may reach the service, and through what -----------------------------------------------------------------
ALLOWED_HOSTS: list[str] = env.read("ALLOWED_HOSTS")
if PRODUCTION:
    require_safe_settings(DEBUG, SECRET_KEY, ALLOWED_HOSTS, DATABASES["default"], EMBEDDED_DATABASE)
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]
CORS_ALLOWED_ORIGINS: list[str] = env.read("CORS_ALLOWED_ORIGINS")
CREDENTIAL_HEADERS = ("Authorization", "X-API-Key")  # governed responses vary by them
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Idempotency-Replayed",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-RateLimit-Limit",
    "X-RateLimit-Outage",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "x-api-key",
    "x-request-id",
]
CSRF_TRUSTED_ORIGINS: list[str] = env.read("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES: list[str] = env.read("TRUSTED_PROXIES")
METRICS_ALLOWED_IPS: list[str] = env.read("METRICS_ALLOWED_IPS")
MAX_BODY_BYTES: int = env.read("MAX_BODY_BYTES")
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # each protocol has a limit of its own: HostMiddleware

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SILENCED_SYSTEM_CHECKS = [
    # SECURE_SSL_REDIRECT: the proxy that ends TLS redirects. A redirect from here would answer a client that has
    # already sent its key in the clear, and /health must answer a load balancer over plain HTTP.
    "security.W008",
    # HSTS for subdomains, and in browsers' own lists: that binds names which are not this service's.
    "security.W005",
    "security.W021",
    # django-ratelimit's counters are not shared: each worker counts the free requests that it answers.
    "django_ratelimit.E003",
    "django_ratelimit.W001",
]

# --- Keys and limits ----------------------------------------------------------------------------------------------
DEFAULT_RATE_LIMIT: str = env.read("DEFAULT_RATE_LIMIT")
KEY_DEFAULT_TTL_DAYS: int = env.read("KEY_DEFAULT_TTL_DAYS")
KEY_CACHE_SECONDS: float = env.read("KEY_CACHE_SECONDS")
KEY_CACHE_SIZE: int = env.read("KEY_CACHE_SIZE")
AUTH_FAILURE_RATE: str = env.read("AUTH_FAILURE_RATE")
ADMIN_LOGIN_RATE: str = env.read("ADMIN_LOGIN_RATE")
IDEMPOTENCY_MAX_BYTES: int = env.read("IDEMPOTENCY_MAX_BYTES")  # of one pool, within 24 hours
THROTTLE_ON_OUTAGE: str = env.read("THROTTLE_ON_OUTAGE")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "worker": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "worker",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
RATELIMIT_USE_CACHE = "worker"  # for free requests: keys.limits.free

# --- Usage --------------------------------------------------------------------------------------------------------
USAGE_JOURNAL_DIR = VAR_DIR / "usage"
WRITABLE_DIRS = [VAR_DIR, USAGE_JOURNAL_DIR]  # `serve` makes them, and does not start without
USAGE_JOURNAL_MAX_BYTES: int = env.read("USAGE_JOURNAL_MAX_BYTES")
USAGE_WHEN_FULL: str = env.read("USAGE_WHEN_FULL")
USAGE_RETENTION_DAYS: int = env.read("USAGE_RETENTION_DAYS")  # 0 for ever
USAGE_CLIENT_ADDRESS: bool = env.read("USAGE_CLIENT_ADDRESS")

# --- Registry -----------------------------------------------------------------------------------------------------
DEPLOYMENT_ENVIRONMENTS: list[str] = env.read("DEPLOYMENT_ENVIRONMENTS")
DEPLOYMENT_PRIVATE_ENDPOINTS: bool = env.read("DEPLOYMENT_PRIVATE_ENDPOINTS")

# --- The frame ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "mcp_project",
    "mcp_project.audit",
    "mcp_project.idempotency",
    "rest_framework_api_key",  # for the abstract model that keys.APIKey extends; its own table is not made
    "keys",
    "registry",
    "usage",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIGRATION_MODULES = {"rest_framework_api_key": None}
MIDDLEWARE = [
    # Outermost, so that every answer, whichever layer gives it, has a request id, a log line and the error shape.
    "mcp_project.http.middleware.RequestContextMiddleware",
    "usage.middleware.UsageTrackingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before authentication: a browser's preflight carries no key, and a refusal must be readable by the page.
    "mcp_project.http.middleware.ProtocolCorsMiddleware",
    "keys.middleware.APIKeyMiddleware",
    "keys.middleware.ThrottleMiddleware",
    "mcp_project.http.middleware.HostMiddleware",
    # What only the admin uses comes last, so that a refused request has not paid for it.
    "mcp_project.staff.middleware.StaffSessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "mcp_project.staff.middleware.StaffAuthenticationMiddleware",
    "mcp_project.staff.middleware.StaffMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Innermost: its transaction spans the view alone, and it repeats the view's response.
    "mcp_project.idempotency.middleware.IdempotencyMiddleware",
]
APPEND_SLASH = False  # an API never answers with a redirect; RequestContextMiddleware takes both forms
ROOT_URLCONF = "mcp_project.urls"
WSGI_APPLICATION = "mcp_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "mcp_project.formats"
USE_I18N = False
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # the admin's files are served from their packages: there is nothing to collect
WHITENOISE_ROOT = BASE_DIR / "mcp_project" / "root"  # files of the top folder, such as /favicon.ico

LOGGING_CONFIG = "mcp_project.serving.logs.configure"
LOGGING = {
    "level": "DEBUG" if DEBUG else env.read("LOG_LEVEL"),
    "format": env.read("LOG_FORMAT"),
    "file": str(BASE_DIR / env.read("LOG_FILE")) if env.is_set("LOG_FILE") else "",
    "secrets": [SECRET_KEY, DATABASES["default"].get("PASSWORD", ""), urlsplit(REDIS_URL).password or ""],
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["keys.authentication.PrincipalAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["keys.permissions.KeyPermission"],
    "DEFAULT_PARSER_CLASSES": ["mcp_project.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mcp_project.http.negotiation.FirstRendererNegotiation",
    "DEFAULT_PAGINATION_CLASS": "mcp_project.http.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["mcp_project.http.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "mcp_project.http.openapi.OwnDescriptions",
    "DEFAULT_METADATA_CLASS": "mcp_project.http.metadata.PlainMetadata",
    "EXCEPTION_HANDLER": "mcp_project.http.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
# The texts and examples of the OpenAPI document: mcp_project.http.documentation.
API_DOCUMENTATION = [
    "mcp_project.serving.documentation",
    "keys.documentation",
    "registry.rest.documentation",
    "usage.documentation",
]
SPECTACULAR_SETTINGS = {
    "TITLE": "MCP",
    "DESCRIPTION": "A governed registry of a team's machine-learning models, with its keys, limits and usage.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api",
    "PREPROCESSING_HOOKS": ["mcp_project.http.openapi.leave_out_undocumented"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "mcp_project.http.documentation.describe_operations",
        "mcp_project.http.openapi.describe_errors",
        "keys.openapi.describe_limits",
        "mcp_project.http.openapi.describe_idempotency",
        "mcp_project.http.documentation.describe_fields",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "PermissionEnum": "keys.models.Permission",
        "KeyStatusEnum": "keys.models.api_key.STATUSES",
        "VersionStatusEnum": "registry.models.Status",
        "DeploymentStatusEnum": "registry.models.DeploymentStatus",
    },
}
UNFOLD = {
    "SITE_TITLE": "MCP",
    "SITE_HEADER": "MCP",
    "SITE_SUBHEADER": "Models, keys, usage",
    "STYLES": [lambda _request: static("mcp/admin.css")],
    "DASHBOARD_CALLBACK": "usage.dashboard.dashboard",
}
