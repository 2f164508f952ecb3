-- +goose Up
-- The tokens that the hub keeps for connections, sealed. Whoever refreshes holds the lease; version counts the tokens.
create table oauth_tokens (
    connection  text        primary key,
    version     bigint      not null,
    sealed      bytea       not null,
    expires_at  timestamptz,
    obtained_at timestamptz not null default now(),
    obtained_by text        not null,
    lease_by    text        not null default '',
    lease_until timestamptz not null default '-infinity',
    refused_at  timestamptz,
    refusal     text        not null default ''
);
-- Grants that a person was sent away for: by the hash of what comes back with them.
create table oauth_states (
    state_sha256 bytea       primary key,
    connection   text        not null,
    sealed       bytea       not null,
    created_by   text        not null,
    created_at   timestamptz not null default now()
);
create index oauth_states_created on oauth_states (created_at);
