-- +goose Up
-- What vendors say differently from before: counted, and never with a value of anybody's.
create table drift (
    connection text        not null,
    kind       text        not null,
    change     text        not null,
    path       text        not null,
    detail     text        not null,
    seen       bigint      not null,
    first_seen timestamptz not null default now(),
    last_seen  timestamptz not null default now(),
    primary key (connection, kind, change, path)
);
