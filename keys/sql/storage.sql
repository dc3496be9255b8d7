-- How the limiter's tables are stored. Buckets are written at each request and are worth nothing after a crash, so their
-- table is unlogged and needs no WAL. The fill factor leaves room on each page for the next version of a row, so that an
-- update touches no index.
ALTER TABLE keys_bucket SET UNLOGGED;
ALTER TABLE keys_bucket SET (fillfactor = 50);
ALTER TABLE keys_quota SET (fillfactor = 50);
