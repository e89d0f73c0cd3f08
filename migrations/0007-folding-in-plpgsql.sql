-- Folding is done three times for each movie that is added. What calls a stable function cannot be inlined into its
-- caller, so a function in SQL is set up anew each time; one in PL/pgSQL keeps its plan. It finds no search path when a
-- dump is read in, so it names the schema that the extension is in.
do $create$
declare
  extensions text := (select extnamespace::regnamespace::text from pg_extension where extname = 'unaccent');
begin
  execute format($folded$
    create or replace function folded(words text) returns text
    language plpgsql immutable strict parallel safe
    as $body$ begin
      return pg_catalog.lower(%1$s.unaccent('%1$s.unaccent'::pg_catalog.regdictionary, words));
    end $body$
  $folded$, extensions);
  execute format($folded_lines$
    create or replace function folded_lines(names text[]) returns text
    language plpgsql immutable strict parallel safe
    as $body$ begin
      return pg_catalog.lower(%1$s.unaccent('%1$s.unaccent'::pg_catalog.regdictionary,
        E'\n ' || pg_catalog.array_to_string(names, E' \n ') || E' \n'));
    end $body$
  $folded_lines$, extensions);
end $create$;
