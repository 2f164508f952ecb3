-- +goose Up

-- What lists are filtered and ordered by, one row a value: see hub/model/key.go for the form of values. There is no
-- foreign key: rows are written in the transaction of their record, which is never removed, and checking costs as much
-- as writing.
create table promoted_attributes (
    kind      text  collate "C" not null,
    attribute text  collate "C" not null,
    value     bytea not null,
    record_id text  collate "C" not null,
    primary key (record_id, attribute, value)
);
create index promoted_attributes_by_value on promoted_attributes (kind, attribute, value, record_id);

create index records_by_create on records (kind, created_at, id);
create index records_by_delete on records (kind, deleted_at, id) where deleted_at is not null;
create index records_placeholders on records (kind, id) where placeholder;
