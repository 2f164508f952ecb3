-- +goose Up

-- The versions of the policy, as the configuration's wire bytes; the greatest is active.
create table policies (
    version      bigint      generated always as identity primary key,
    sha256       bytea       not null,
    config       bytea       not null,
    activated_at timestamptz not null default now()
);

-- One row a connection: what all processes must know of it.
create table connections (
    name                   text        primary key,
    adapter                text        not null,
    credential_fingerprint bytea       not null,
    paused_at              timestamptz,
    paused_reason          text,
    blocked_until          timestamptz -- its pace: no call before
);

create table records (
    id             text        collate "C" primary key,
    kind           text        not null,
    revision       bigint      not null,
    message        bytea       not null, -- canonical message
    provenance     bytea       not null, -- canonhub.store.v1.Provenance
    policy_version bigint      not null,
    creator        text        not null, -- source whose word made it
    placeholder    boolean     not null,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    deleted_at     timestamptz,
    merged_into    text        collate "C" references records (id)
);
create index records_by_update on records (kind, updated_at, id);
create index records_by_policy on records (policy_version, id);

-- The id map.
create table links (
    connection  text        not null,
    kind        text        not null,
    external_id text        collate "C" not null,
    record_id   text        collate "C" not null references records (id),
    state       text        not null check (state in ('live', 'gone', 'detached')),
    is_primary  boolean     not null,
    epoch       bigint      not null, -- raised by every push and every applied read
    read_began  timestamptz,          -- when the last applied read began
    gone_at     timestamptz,          -- by the source's clock
    created_at  timestamptz not null default now(),
    primary key (connection, kind, external_id)
);
create index links_by_record on links (record_id);

create table views (
    record_id       text        collate "C" not null references records (id),
    source          text        not null,
    external_id     text        collate "C" not null, -- empty for sources that are no connection
    state           bytea       not null, -- canonhub.store.v1.View
    raw             bytea,                -- the source's object as last seen
    mapping_version integer     not null,
    updated_at      timestamptz not null default now(),
    primary key (record_id, source, external_id)
);

-- What tells on first contact that two objects are one party.
create table match_keys (
    kind      text not null,
    attribute text not null,
    value     text collate "C" not null,
    record_id text collate "C" not null references records (id),
    primary key (kind, attribute, value)
);
create index match_keys_by_record on match_keys (record_id);

-- The change log. Its order is (xid, seq): seq alone would let a slow transaction commit behind a reader.
create table changes (
    record_id      text        collate "C" not null references records (id),
    revision       bigint      not null,
    kind           text        not null,
    paths          text[]      not null,
    source         text        not null, -- whose word caused it
    correlation_id text        not null,
    changed_at     timestamptz not null default now(),
    xid            xid8        not null default pg_current_xact_id(),
    seq            bigint      generated always as identity,
    primary key (record_id, revision)
);
create unique index changes_by_position on changes (xid, seq);

create table receipts (
    id             text        collate "C" primary key,
    connection     text        not null,
    event_key      text        not null,
    type           text        not null,
    occurred_at    timestamptz,
    body           bytea       not null,
    correlation_id text        not null,
    traceparent    text        not null,
    state          text        not null default 'pending' check (state in ('pending', 'done', 'dead')),
    outcome        text,
    received_at    timestamptz not null default now(),
    finished_at    timestamptz
);
create index receipts_pending on receipts (received_at) where state = 'pending';

-- Dedupe keys, slim, since they outlive the receipts.
create table receipt_keys (
    connection  text        not null,
    event_key   text        collate "C" not null,
    received_at timestamptz not null default now(),
    primary key (connection, event_key)
);

-- The obligation to bring one target to a record's newest revision.
create table deliveries (
    record_id      text        collate "C" not null references records (id),
    connection     text        not null,
    kind           text        not null,
    state          text        not null check (state in ('owed', 'blocked', 'dead', 'settled')),
    revision       bigint      not null, -- newest revision owed, or brought there
    reason         text        not null default '',
    correlation_id text        not null,
    traceparent    text        not null,
    updated_at     timestamptz not null default now(),
    primary key (record_id, connection)
);
create index deliveries_owed on deliveries (updated_at) where state in ('owed', 'blocked');

-- One push: stored before the call.
create table attempts (
    id              bigint      generated always as identity primary key,
    record_id       text        collate "C" not null references records (id),
    connection      text        not null,
    kind            text        not null,
    external_id     text        collate "C" not null, -- empty for a create
    revision        bigint      not null,
    idempotency_key text        not null unique,
    request         bytea       not null, -- the adapter's frozen bytes
    paths           text[]      not null,
    sent            bytea       not null, -- canonical message as sent
    sent_after      bytea       not null, -- canonhub.store.v1.Stamp: newest known of the target when sent
    state           text        not null check (state in ('pending', 'acknowledged', 'refused', 'abandoned')),
    error           text        not null default '',
    sends           integer     not null default 0,
    started_at      timestamptz not null default now(),
    settled_at      timestamptz
);
create unique index attempts_pending on attempts (record_id, connection) where state = 'pending';
create index attempts_by_record on attempts (record_id, id);

create table dead_letters (
    id             bigint      generated always as identity primary key,
    subject        text        not null check (subject in ('receipt', 'delivery')),
    connection     text        not null,
    receipt_id     text        collate "C",
    record_id      text        collate "C",
    category       text        not null,
    reason         text        not null,
    attempts       integer     not null,
    correlation_id text        not null,
    created_at     timestamptz not null default now()
);
create index dead_letters_by_connection on dead_letters (connection, id);
create index dead_letters_by_record on dead_letters (record_id) where record_id is not null;

create table reviews (
    id             bigint      generated always as identity primary key,
    kind           text        not null,
    reason         text        not null,
    connection     text        not null,
    external_id    text        collate "C" not null,
    record_ids     text[]      not null,
    receipt_id     text        collate "C",
    correlation_id text        not null,
    opened_at      timestamptz not null default now(),
    closed_at      timestamptz
);
create unique index reviews_open on reviews (reason, kind, connection, external_id) where closed_at is null;

-- Objects of sources that may not create records and match none: their receipt is tried again when a record has the key.
create table orphans (
    kind        text not null,
    attribute   text not null,
    value       text collate "C" not null,
    connection  text not null,
    external_id text collate "C" not null,
    receipt_id  text collate "C" not null,
    primary key (kind, attribute, value, connection, external_id)
);
create index orphans_by_object on orphans (kind, connection, external_id);

create table audit (
    id             bigint      generated always as identity primary key,
    at             timestamptz not null default now(),
    action         text        not null,
    correlation_id text        not null,
    connection     text        not null default '',
    record_id      text        collate "C" not null default '',
    receipt_id     text        collate "C" not null default '',
    detail         text        not null default ''
);
create index audit_by_correlation on audit (correlation_id, id);
create index audit_by_record on audit (record_id, id) where record_id <> '';

-- Objects that were gone before they were ever linked.
create table gone_objects (
    connection  text        not null,
    kind        text        not null,
    external_id text        collate "C" not null,
    gone_at     timestamptz not null,
    primary key (connection, kind, external_id)
);
