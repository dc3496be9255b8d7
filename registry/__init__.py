"""The registry of models, contexts and deployments."""
