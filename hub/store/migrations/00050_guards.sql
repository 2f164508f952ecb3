-- +goose Up

-- Which records one attribute was changed or cleared of at a connection, within a window of time. Cut by age.
create table brake_marks (
    window_start timestamptz not null,
    connection   text        not null,
    kind         text        not null,
    attribute    text        not null,
    record_id    text        collate "C" not null,
    primary key (window_start, connection, kind, attribute, record_id)
);

-- How many those are in the newest window.
create table brake_counts (
    connection   text        not null,
    kind         text        not null,
    attribute    text        not null,
    window_start timestamptz not null,
    records      integer     not null,
    primary key (connection, kind, attribute)
) with (fillfactor = 50); -- updated in place, all the time

-- Attributes whose brake was ever on, and how it was released.
create table brakes (
    connection   text        not null,
    kind         text        not null,
    attribute    text        not null,
    window_size  interval    not null,
    braked_at    timestamptz,          -- null: released
    passes_until timestamptz,          -- let through: it does not bite before
    counts_since timestamptz,          -- resumed: what was before does not count
    primary key (connection, kind, attribute)
);

-- Deliveries that a brake stopped are woken by its release alone, and are no matter of the sweeper's.
alter table deliveries add column braked boolean not null default false;
drop index deliveries_owed;
create index deliveries_owed on deliveries (updated_at) where state in ('owed', 'blocked') and not braked;
create index deliveries_braked on deliveries (connection, kind, record_id) where braked;

-- How much waits at a connection, and how large it is.
create index deliveries_unsettled on deliveries (connection, state) where state <> 'settled';
create index links_live on links (connection, kind) where state = 'live';

-- Who paused a connection; empty where the hub did, which then tries to resume it.
alter table connections add column paused_by text not null default '';
