-- +goose Up

-- How a dead letter was closed: redriven, discarded, or succeeded by another one of the same work.
alter table dead_letters
    add column redrives   integer not null default 0, -- how often the same work was redriven before
    add column closed_at  timestamptz,
    add column closed_how text    not null default '' check (closed_how in ('', 'redriven', 'discarded', 'succeeded')),
    add column closed_by  text    not null default '',
    add column closed_why text    not null default '';
create index dead_letters_open on dead_letters (id) where closed_at is null;
create index dead_letters_open_by_connection on dead_letters (connection, id) where closed_at is null;
