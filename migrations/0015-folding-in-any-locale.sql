-- What `lower` does depends on the locale of the database: with "C" it changes ASCII letters only, and in Turkish I becomes
-- ı. So folding names ICU's root collation. A server that was built without ICU keeps the database's.
do $migration$
declare
  extensions text := (select extnamespace::regnamespace::text from pg_extension where extname = 'unaccent');
  is_folded_otherwise boolean;
begin
  if not exists (select from pg_collation where collname = 'und-x-icu') then
    return;
  end if;
  execute format($folded$
    create or replace function folded(words text) returns text
    language plpgsql immutable strict parallel safe
    as $body$ begin
      return pg_catalog.lower(
        %1$s.unaccent('%1$s.unaccent'::pg_catalog.regdictionary, words) collate pg_catalog."und-x-icu");
    end $body$
  $folded$, extensions);
  execute format($folded_lines$
    create or replace function folded_lines(names text[]) returns text
    language plpgsql immutable strict parallel safe
    as $body$ begin
      return pg_catalog.lower(%1$s.unaccent('%1$s.unaccent'::pg_catalog.regdictionary,
        E'\n ' || pg_catalog.array_to_string(names, E' \n ') || E' \n') collate pg_catalog."und-x-icu");
    end $body$
  $folded_lines$, extensions);

  -- In most locales the result is the same. In the others, existing movies are folded again.
  execute $test$ select lower('AIÄЖΩ') <> lower('AIÄЖΩ' collate "und-x-icu") $test$ into is_folded_otherwise;
  if is_folded_otherwise then
    update movies set name = name;
    reindex index movies_sort_name;
  end if;
end $migration$;
