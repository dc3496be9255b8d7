-- The ledger: one row for each answered request (the fields: usage/events.py), partitioned by day. usage/partitions.py
-- creates and drops the partitions. Django cannot create a partitioned table; usage.models.Event describes this one.
--
-- The primary key of a partitioned table includes what it is partitioned by. `id` is unique all the same, because all
-- partitions take it from one sequence.
CREATE SEQUENCE usage_event_id_seq AS bigint;
CREATE TABLE usage_event (
    id bigint NOT NULL DEFAULT nextval('usage_event_id_seq'),
    time timestamptz NOT NULL,
    request_id varchar(64) NOT NULL,
    key_id uuid,
    owner varchar(100) NOT NULL,
    method varchar(16) NOT NULL,
    route varchar(100) NOT NULL,
    model_id uuid,
    status smallint NOT NULL CHECK (status >= 0),
    code varchar(64) NOT NULL,
    duration_us bigint NOT NULL,
    request_bytes bigint NOT NULL,
    response_bytes bigint NOT NULL,
    client inet,
    units integer NOT NULL CHECK (units >= 0),
    count integer NOT NULL CHECK (count >= 0),
    journal integer,
    line integer,
    PRIMARY KEY (time, id)
) PARTITION BY RANGE (time);
ALTER SEQUENCE usage_event_id_seq OWNED BY usage_event.id;
CREATE INDEX usage_event_key ON usage_event (key_id, time, id);
CREATE INDEX usage_event_request ON usage_event (request_id);
