"""The registry in the admin. Each module registers its pages."""

from registry.admin import context_versions, contexts, deployments, model_versions, models, revisions  # noqa: F401
