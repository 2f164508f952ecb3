-- +goose Up
-- The record that a delivery waits for: once the hub has made that one's object there, it goes on.
alter table deliveries add column waits_for text collate "C" not null default '';
create index deliveries_waiting on deliveries (waits_for, connection, record_id) where waits_for <> '';
