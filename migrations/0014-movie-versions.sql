-- Counts the changes of a movie, for its ETag. By a trigger, so that changes by processes of the release before count too.
alter table movies add version integer not null default 1;
alter table deleted_movies add version integer not null default 1;

create function count_movie_version() returns trigger language plpgsql as $$ begin
  new.version = old.version + 1;
  return new;
end $$;
create trigger movies_version before update on movies for each row execute function count_movie_version();
