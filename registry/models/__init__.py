"""What is called: registered models, their versions, aliases and lineage."""

from registry.models.model_version import ModelVersion, Parent, Stage, Status, may_see_uri
from registry.models.registered_model import ModelAliasMove, RegisteredModel

__all__ = ["ModelAliasMove", "ModelVersion", "Parent", "RegisteredModel", "Stage", "Status", "may_see_uri"]
