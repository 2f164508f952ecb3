-- +goose Up

-- What waits, in the order in which the sweeper pages through it.
drop index deliveries_owed;
create index deliveries_owed on deliveries (updated_at, record_id, connection) where state in ('owed', 'blocked') and not braked;
drop index receipts_pending;
create index receipts_pending on receipts (received_at, id) where state = 'pending';
