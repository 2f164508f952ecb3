-- +goose Up

-- The open reviews of a record: read with every fold, whatever number of reviews there are.
create table review_records (
    record_id text   collate "C" not null,
    review_id bigint not null references reviews (id),
    primary key (record_id, review_id)
);
insert into review_records select distinct unnest(record_ids), id from reviews where closed_at is null;
create index review_records_by_review on review_records (review_id);
drop index reviews_open_by_record;
