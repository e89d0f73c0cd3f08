-- What a movie takes on disk, so that an account's quota is a sum in one index. Movies from before this column count as the
-- size of most: to measure them would rewrite the table. The default stays for processes of the release before.
alter table movies add stored_bytes integer not null default 4000;
alter table deleted_movies add stored_bytes integer not null default 4000;

create index movies_quota on movies (added_by, id) include (stored_bytes);
drop index movies_added_by;
