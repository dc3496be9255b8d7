-- Revisions of deployments are immutable: the database refuses to change, delete or truncate them, so that neither the
-- service's code nor a shell can rewrite what was deployed. A revision is deleted only with its deployment, by the
-- cascade, which runs when the deployment's row is gone already.
CREATE OR REPLACE FUNCTION registry_revision_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM registry_deployment WHERE id = OLD.deployment_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'revisions of deployments are immutable';
END
$$;
CREATE OR REPLACE TRIGGER registry_revision_immutable BEFORE UPDATE OR DELETE ON registry_deploymentrevision
FOR EACH ROW EXECUTE FUNCTION registry_revision_refuse();
CREATE OR REPLACE TRIGGER registry_revision_not_emptied BEFORE TRUNCATE ON registry_deploymentrevision
FOR EACH STATEMENT EXECUTE FUNCTION registry_revision_refuse();
