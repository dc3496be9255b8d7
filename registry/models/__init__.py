"""The registry's tables: models, their versions, aliases and lineage; contexts; and deployments."""

from registry.models.base import Named
from registry.models.context import Context, ContextAliasMove, ContextVersion
from registry.models.deployment import (
    Deployment,
    DeploymentRevision,
    DeploymentStatus,
    DeploymentTarget,
    Protocol,
)
from registry.models.model_version import ModelVersion, Parent, Stage, Status
from registry.models.registered_model import ModelAliasMove, RegisteredModel

__all__ = [
    "Context",
    "ContextAliasMove",
    "ContextVersion",
    "Deployment",
    "DeploymentRevision",
    "DeploymentStatus",
    "DeploymentTarget",
    "ModelAliasMove",
    "ModelVersion",
    "Named",
    "Parent",
    "Protocol",
    "RegisteredModel",
    "Stage",
    "Status",
]
