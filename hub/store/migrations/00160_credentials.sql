-- +goose Up
-- The versions of the credentials and webhook secrets that the hub keeps for connections, sealed. Of one that is retired
-- only that it was is left.
create table credentials (
    connection  text        not null,
    name        text        not null, -- as the configuration has it: api_key, webhook.secrets, oauth.client_secret
    version     bigint      not null,
    sealed      bytea       not null, -- empty once it is retired
    created_at  timestamptz not null default clock_timestamp(),
    created_by  text        not null,
    valid_until timestamptz not null default 'infinity', -- of an older one: it is good for a while beside the newer
    retired_at  timestamptz,
    retired_by  text        not null default '', -- empty where its time was over
    primary key (connection, name, version)
);
create index credentials_kept on credentials (connection, name, version) where retired_at is null;
