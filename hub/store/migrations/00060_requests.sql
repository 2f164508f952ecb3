-- +goose Up

-- What callers' writes were answered, so that a request that is sent again has no second effect.
create table requests (
    caller      text        not null,
    request_id  text        collate "C" not null,
    fingerprint bytea       not null, -- of what was asked
    answer      bytea       not null, -- canonhub.store.v1.Answer
    record_id   text        collate "C" not null,
    created_at  timestamptz not null default now(),
    primary key (caller, request_id)
);
create index requests_by_time on requests (created_at);
create index requests_by_record on requests (record_id);
