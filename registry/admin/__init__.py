"""The registry's pages in the admin. Each module registers its own."""

from registry.admin import context_versions, contexts, deployments, model_versions, models, revisions  # noqa: F401
