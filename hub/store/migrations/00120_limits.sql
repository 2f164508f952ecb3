-- +goose Up
-- How hard a connection is called, by all processes together.
alter table connections
    -- The share of its rate at which it is called: lowered when the vendor throttles and after an outage, and doubled every
    -- few seconds from pace_at on.
    add column pace      double precision not null default 1,
    add column pace_at   timestamptz,
    -- How often in a row its circuit breaker opened, since when, and until when nothing is sent.
    add column outages   integer not null default 0,
    add column broken_at timestamptz,
    add column broken_until timestamptz,
    -- Calls since midnight UTC, for vendors that count by the day.
    add column calls_day date,
    add column calls     bigint not null default 0;

-- Which processes call a connection just now: what the vendor allows is shared between them. A row's process is dead once
-- its advisory lock can be had.
create table connection_shares (
    connection text        not null,
    process    text        not null,
    joined_at  timestamptz not null,
    expires_at timestamptz not null,
    primary key (connection, process)
);
