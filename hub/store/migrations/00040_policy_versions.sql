-- +goose Up

-- Versions of the policy say who activated them and why, which earlier one they repeat, and where their rules stand:
-- the configuration's file, and lines by place below its policies (customer/attributes/email).
alter table policies
    add column activated_by text   not null default '',
    add column comment      text   not null default '',
    add column repeats      bigint references policies (version),
    add column file         text   not null default '',
    add column lines        jsonb  not null default '{}';
create index policies_by_sha256 on policies (sha256, version);
