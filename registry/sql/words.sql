-- The words by which models, contexts and deployments are searched: a generated column of each row, so that the
-- planner has statistics of them, and an index. The configuration is `simple`, because names and tags belong to no one
-- language. Django does not know these columns; registry/search/words.py queries them.
ALTER TABLE registry_registeredmodel ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', name) || to_tsvector('simple', description)
    || jsonb_to_tsvector('simple', tags, '["string", "key"]')
) STORED;
CREATE INDEX registry_model_words ON registry_registeredmodel USING gin (words);

ALTER TABLE registry_context ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', name) || to_tsvector('simple', description)
    || jsonb_to_tsvector('simple', tags, '["string", "key"]')
) STORED;
CREATE INDEX registry_context_words ON registry_context USING gin (words);

ALTER TABLE registry_deployment ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', name) || to_tsvector('simple', description)
    || jsonb_to_tsvector('simple', tags, '["string", "key"]')
) STORED;
CREATE INDEX registry_deployment_words ON registry_deployment USING gin (words);
