"""The OpenAPI document's texts and examples for the registry, a module for each resource."""

from registry.rest.documentation import aliases, contexts, deployments, fields, models, versions

OPERATIONS = {
    **models.OPERATIONS,
    **versions.OPERATIONS,
    **aliases.OPERATIONS,
    **contexts.OPERATIONS,
    **deployments.OPERATIONS,
}
PARAMETERS = fields.PARAMETERS
EXAMPLES = fields.EXAMPLES
FIELDS = fields.FIELDS
