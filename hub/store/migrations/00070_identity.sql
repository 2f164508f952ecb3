-- +goose Up

-- born_on is the record that an object was linked to, whatever that one was merged into since: a merge that is undone
-- gives each record back what was its own. Null: the record that it is linked to. archived: gone, since the hub
-- archived it there.
alter table links
    add column born_on  text    collate "C",
    add column archived boolean not null default false;

-- The records that a view refers to, as they were called when it was said: what they were merged into is read with them.
alter table views add column refers text[] not null default '{}';

-- archive: its delete is carried to targets. erased_at: what it held is gone for good.
alter table records
    add column archive   boolean not null default false,
    add column erased_at timestamptz;

-- An attempt to archive an object, not to write it.
alter table attempts add column archive boolean not null default false;
create index attempts_pending_by_object on attempts (connection, kind, external_id) where state = 'pending' and external_id <> '';

-- Which record was merged into which. The redirects in records are flat; this is the tree, for what is undone. What the
-- survivor was is kept, since a merge may bring it to life.
create table merges (
    id              bigint      generated always as identity primary key,
    merged          text        collate "C" not null references records (id),
    survivor        text        collate "C" not null references records (id),
    was_placeholder boolean     not null,
    was_creator     text        not null,
    was_deleted_at  timestamptz,
    merged_at       timestamptz not null default now(),
    undone_at       timestamptz
);
create unique index merges_standing on merges (merged) where undone_at is null;
create index merges_by_survivor on merges (survivor) where undone_at is null;

-- Objects that a person took from a record: they do not find back to it by themselves.
create table unlinked (
    connection  text        not null,
    kind        text        not null,
    external_id text        collate "C" not null,
    record_id   text        collate "C" not null references records (id),
    at          timestamptz not null default now(),
    primary key (connection, kind, external_id, record_id)
);
create index unlinked_by_record on unlinked (record_id);

-- Objects whose record was erased, by the hash of their names: what comes of them later is dropped.
create table erasures (
    object_sha256 bytea       primary key,
    kind          text        not null,
    connection    text        not null,
    record_id     text        collate "C" not null references records (id),
    erased_at     timestamptz not null default now(),
    erased_by     text        not null
);
create index erasures_by_record on erasures (record_id);
