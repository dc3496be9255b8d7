"""What is called: registered models, their versions, aliases and lineage; and deployments."""

from registry.models.deployment import (
    Deployment,
    DeploymentRevision,
    DeploymentStatus,
    DeploymentTarget,
    Protocol,
)
from registry.models.model_version import ModelVersion, Parent, Stage, Status, may_see_uri
from registry.models.registered_model import ModelAliasMove, RegisteredModel

__all__ = [
    "Deployment",
    "DeploymentRevision",
    "DeploymentStatus",
    "DeploymentTarget",
    "ModelAliasMove",
    "ModelVersion",
    "Parent",
    "Protocol",
    "RegisteredModel",
    "Stage",
    "Status",
    "may_see_uri",
]
