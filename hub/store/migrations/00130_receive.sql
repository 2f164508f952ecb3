-- +goose Up
-- The highest number that the vendor gave an event, where it numbers them; 0 where none came.
alter table connections add column sequence bigint not null default 0;
