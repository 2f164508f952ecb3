-- +goose Up
-- What the objects of one form had in common, as far as learnt: names and types of fields, counted.
create table drift_shapes (
    connection text        not null,
    kind       text        not null,
    op         text        not null, -- what they came by: the same vendor's events and answers may differ in form
    shape      bytea       not null,
    updated_at timestamptz not null default now(),
    primary key (connection, kind, op)
);
