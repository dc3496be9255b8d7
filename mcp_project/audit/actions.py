"""The actions that the audit trail records."""

from django.db.models import TextChoices


class Action(TextChoices):
    """The actions of the audit trail, each with its meaning. `object_type` and `object_id` of an entry name the
    object."""

    CREATE = "create", "It was created; of a key, also as the successor of another key."
    UPDATE = "update", "Some of its fields were changed."
    DELETE = "delete", "It was deleted."
    REVOKE = "revoke", "The key was revoked."
    MOVE_ALIAS = "move_alias", "An alias of the model or context was set, moved or removed."
    CREATE_VERSION = "create_version", "A version was added to the model or context."
    UPDATE_VERSION = "update_version", "Some fields of one of the model's versions were changed."
    DELETE_VERSION = "delete_version", "One of the model's versions was deleted."
    SET_STAGE = "set_stage", "Versions of the model changed their stage."
    FOLLOW_ALIAS = "follow_alias", "The deployment followed an alias to another version."
    RENAME_MODEL = "rename_model", "A model that the deployment pins got another name."
    RENAME_CONTEXT = "rename_context", "A context that the deployment pins got another name."
    ROLLBACK = "rollback", "The deployment went back to an earlier revision."
    FAIL = "fail", "The deployment failed, because what it needs was deleted by force."
