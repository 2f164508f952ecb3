-- +goose Up

-- A key may be claimed by several records: then it tells nothing on first contact, and a person is asked. That two
-- sources at once make one record is the work of the locks on keys.
alter table match_keys drop constraint match_keys_pkey;
alter table match_keys add primary key (kind, attribute, value, record_id);
