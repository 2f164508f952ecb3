-- +goose Up

-- The change log's order is its serial, which is drawn under the record's lock: a record's revisions are in order in it.
-- What can still come in front of a serial is told by the transactions that hold the log (hub/feed), so that no
-- transaction's id is kept.
--
-- With each change goes the record as it was at that revision. message is null once it is erased.
alter table changes
    drop column xid, -- and its index
    add column message     bytea,
    add column placeholder boolean     not null default false,
    add column created_at  timestamptz not null default now(), -- the record's
    add column deleted_at  timestamptz,
    add column merged_into text        collate "C";
create unique index changes_by_position on changes (seq);
create index changes_by_time on changes (record_id, changed_at, revision);

update changes c set message = r.message, placeholder = r.placeholder, created_at = r.created_at, changed_at = r.updated_at,
    deleted_at = r.deleted_at, merged_into = r.merged_into
from records r where r.id = c.record_id and r.revision = c.revision;

-- One row: what the log is, and what of it is gone.
create table change_log (
    one  boolean primary key default true check (one),
    feed uuid    not null default gen_random_uuid(), -- tells tokens of this database from those of others
    cut  bigint  not null default 0                  -- the feed begins behind this serial
);
insert into change_log default values;
