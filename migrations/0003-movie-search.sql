create extension if not exists pg_trgm;
create extension if not exists unaccent;
create extension if not exists fuzzystrmatch;

-- Without accents and capitals. `unaccent` counts as stable, for its dictionary may be replaced; ours is named and stays.
create function folded(words text) returns text
  language sql immutable strict parallel safe
  return lower(unaccent('unaccent'::regdictionary, words));

-- Each name on a line of its own, between spaces: '%mor%' finds a part, '% mor%' the beginning of a word, and
-- E'%\n agnes moorehead \n%' a whole name.
create function folded_lines(names text[]) returns text
  language sql immutable strict parallel safe
  return folded(E'\n ' || array_to_string(names, E' \n ') || E' \n');

alter table movies
  add notes text,
  -- What a search looks through, and what the filter by genre does.
  add search_lines text not null generated always as (folded_lines(name || casts)) stored,
  add genre_lines text not null generated always as (folded_lines(genres)) stored;

-- One index for both, so that the entries of new movies wait in one list. To sort in few at a time costs each add
-- several times its price, so the list is long, and autovacuum empties it before an add has to.
create index movies_search on movies using gin (search_lines gin_trgm_ops, genre_lines gin_trgm_ops)
  with (gin_pending_list_limit = 32768);
alter table movies set (autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.005);

create index movies_sort_name on movies ((left(folded(name), 100) collate "C"), id);
create index movies_sort_year on movies (coalesce(year, 0), id);
drop index movies_added_by;
create index movies_added_by on movies (added_by, id);

-- What was deleted on a page, for as long as it can be undone.
create table deleted_movies (
  id bigint primary key,
  name text not null,
  casts text[] not null,
  genres text[] not null,
  year smallint,
  notes text,
  added_by uuid not null references accounts on delete cascade,
  created_at timestamptz not null,
  deleted_at timestamptz not null default now()
);
create index deleted_movies_age on deleted_movies (deleted_at);
create index deleted_movies_added_by on deleted_movies (added_by);
