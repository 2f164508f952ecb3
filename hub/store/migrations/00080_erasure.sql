-- +goose Up

-- What the hashes of objects' names are salted with, so that those of two databases tell nothing of each other.
create table erasure_salt (
    one  boolean primary key default true check (one),
    salt bytea   not null
);
insert into erasure_salt (salt) values (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Who had it erased.
alter table records add column erased_by text not null default '';

-- Which objects a receipt speaks of, itself or by reference, by the hash of their names: it is emptied when one of them is
-- erased, or as it ends where one of them was.
create table receipt_objects (
    receipt_id    text  collate "C" not null references receipts (id) on delete cascade,
    object_sha256 bytea not null,
    primary key (receipt_id, object_sha256)
);
create index receipt_objects_by_object on receipt_objects (object_sha256, receipt_id);

-- By which an erasure finds what there is of a record, its objects, and the records that refer to it.
create index receipts_dead on receipts (connection, id) where state = 'dead';
create index dead_letters_by_receipt on dead_letters (receipt_id) where receipt_id is not null;
create index reviews_by_object on reviews (connection, kind, external_id) where external_id <> '';
create index views_by_reference on views using gin (refers) where refers <> '{}';
create index attempts_by_object on attempts (connection, kind, external_id) where external_id <> '';
create index merges_by_merged on merges (merged);
