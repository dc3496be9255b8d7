"""The frame that the apps share: settings, errors, logging, health and the commands that run the service."""

__version__ = "0.1.0"
