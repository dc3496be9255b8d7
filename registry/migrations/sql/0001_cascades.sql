-- Foreign keys that cascade in the database: deleting a model with 10,000 versions of 300 KB loads none of them into
-- the service's memory, as Django's own cascade would. All but the last are deferrable, as Django's are, and
-- registry/services/lineage.py checks them before its transaction ends.
ALTER TABLE registry_modelversion ADD CONSTRAINT registry_modelversion_model_id
    FOREIGN KEY (model_id) REFERENCES registry_registeredmodel (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_modelaliasmove ADD CONSTRAINT registry_modelaliasmove_model_id
    FOREIGN KEY (model_id) REFERENCES registry_registeredmodel (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_parent ADD CONSTRAINT registry_parent_version_id
    FOREIGN KEY (version_id) REFERENCES registry_modelversion (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_parent ADD CONSTRAINT registry_parent_parent_id
    FOREIGN KEY (parent_id) REFERENCES registry_modelversion (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_contextversion ADD CONSTRAINT registry_contextversion_context_id
    FOREIGN KEY (context_id) REFERENCES registry_context (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_contextaliasmove ADD CONSTRAINT registry_contextaliasmove_context_id
    FOREIGN KEY (context_id) REFERENCES registry_context (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_deploymenttarget ADD CONSTRAINT registry_deploymenttarget_deployment_id
    FOREIGN KEY (deployment_id) REFERENCES registry_deployment (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_deploymentrevision ADD CONSTRAINT registry_revision_deployment
    FOREIGN KEY (deployment_id) REFERENCES registry_deployment (id) ON DELETE CASCADE;
