-- +goose Up
-- When a paused connection's credentials were last tried, by any process.
alter table connections add column probed_at timestamptz;
