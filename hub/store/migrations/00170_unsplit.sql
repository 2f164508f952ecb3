-- +goose Up
-- A request that proved itself and could not be cut into events is kept whole.
alter table receipts drop constraint receipts_origin_check;
alter table receipts add constraint receipts_origin_check check (origin in ('webhook', 'pull', 'part', 'request')) not valid;
alter table receipts validate constraint receipts_origin_check;

-- +goose Down
delete from receipts where origin = 'request';
alter table receipts drop constraint receipts_origin_check;
alter table receipts add constraint receipts_origin_check check (origin in ('webhook', 'pull', 'part'));
