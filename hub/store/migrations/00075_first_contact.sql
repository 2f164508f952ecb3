-- +goose Up

-- Each receipt that spoke of an object while it waited is heard again: an event may tell what changed alone, and an
-- attribute's time is that of the event that said it first.
alter table orphans drop constraint orphans_pkey;
alter table orphans add primary key (kind, attribute, value, connection, external_id, receipt_id);

-- When it was noted that an object which was never linked is gone: a read that began before is no news of its return.
alter table gone_objects add column noted_at timestamptz not null default clock_timestamp();
