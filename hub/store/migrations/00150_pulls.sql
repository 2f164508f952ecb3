-- +goose Up

-- A receipt comes from outside, or is what a pull heard and could not take in at once, or a part that cannot be read.
alter table receipts add column origin text not null default 'webhook' check (origin in ('webhook', 'pull', 'part'));

-- How far the reading of one kind from one connection has come: the run under way, and what the next one needs.
create table pulls (
    connection   text        not null,
    kind         text        not null,
    mode         text        not null default '' check (mode in ('', 'backfill', 'changes', 'reconcile')), -- of the run; empty: none
    last_mode    text        not null default '',  -- the same, once the run has ended
    run_id       text        not null default '', -- its correlation id
    step         integer     not null default 0,  -- raised by each page: who works on an older one is too late
    report_only  boolean     not null default false,
    vanishing    boolean     not null default false, -- a reconcile has listed all, and looks for what is gone
    let_vanish   boolean     not null default false, -- a person has said that what is gone may go
    cursor       text        not null default '',
    since        timestamptz,
    started_at   timestamptz,
    paged_at     timestamptz,
    objects      bigint      not null default 0,
    total        bigint      not null default 0, -- as the vendor says; 0 where it does not
    changed      bigint      not null default 0,
    missing_here bigint      not null default 0,
    missing_there bigint     not null default 0,
    differing    bigint      not null default 0,
    rejected     bigint      not null default 0,
    asked_by     text        not null default '',
    asked_why    text        not null default '',

    wanted        text        not null default '' check (wanted in ('', 'backfill', 'changes', 'reconcile')), -- asked for, not begun
    wanted_report boolean     not null default false,
    wanted_vanish boolean     not null default false,
    wanted_by     text        not null default '',
    wanted_why    text        not null default '',

    resume_cursor text        not null default '', -- where the next pull of changes begins, at vendors with cursors
    watermark     timestamptz,                     -- or since when, by the vendor's clock
    backfilled_at timestamptz,
    pulled_at     timestamptz,
    reconciled_at timestamptz,
    failures      integer     not null default 0,
    failure       text        not null default '',
    failed_at     timestamptz,
    next_at       timestamptz not null default now(),
    primary key (connection, kind)
);

-- The ids that a reconcile has seen at the vendor. Rows of earlier runs are overwritten, or removed at the run's end.
create table pull_seen (
    connection  text not null,
    kind        text not null,
    external_id text collate "C" not null,
    run_id      text not null,
    primary key (connection, kind, external_id)
);

-- What a reconcile found to differ; of each run the first thousand.
create table pull_findings (
    id          bigint      generated always as identity primary key,
    connection  text        not null,
    kind        text        not null,
    run_id      text        not null,
    finding     text        not null check (finding in ('missing_here', 'missing_there', 'differing')),
    external_id text        collate "C" not null,
    record_id   text        collate "C" not null default '',
    paths       text[]      not null default '{}',
    repaired    boolean     not null,
    found_at    timestamptz not null default now()
);
create index pull_findings_by_lane on pull_findings (connection, kind, id);
create index pull_findings_by_object on pull_findings (connection, kind, external_id);

-- When a vendor was last heard.
create index receipts_by_connection on receipts (connection, received_at) where origin = 'webhook';
create index pulls_due on pulls (next_at);

-- +goose Down
drop index receipts_by_connection;
drop table pull_findings;
drop table pull_seen;
drop table pulls;
alter table receipts drop column origin;
