-- +goose Up

-- Reviews say which attribute they are about, who closed them and why. One is open at a time for each subject of a
-- reason; about is what is disagreed on, so that one that was dismissed is not opened again for the same.
alter table reviews
    add column subject    text not null default '',
    add column path       text not null default '',
    add column about      text not null default '',
    add column detail     text not null default '',
    add column closed_by  text not null default '',
    add column resolution text not null default '' check (resolution in ('', 'resolved', 'dismissed', 'settled')),
    add column closed_why text not null default '';
update reviews set subject = connection || '/' || external_id;
drop index reviews_open;
create unique index reviews_open on reviews (reason, kind, subject) where closed_at is null;
create index reviews_dismissed on reviews (reason, kind, subject) where resolution = 'dismissed';
create index reviews_open_by_record on reviews using gin (record_ids) where closed_at is null;
create index reviews_by_record on reviews using gin (record_ids);
create index reviews_by_time on reviews (opened_at, id);
create index reviews_open_by_time on reviews (opened_at, id) where closed_at is null;

-- Who did it, where a person or a caller did.
alter table audit add column actor text not null default '';
