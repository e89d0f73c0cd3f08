-- The language before a change, in which warnings go out for a week: a thief must not choose one that the owner cannot
-- read.
alter table accounts
  add previous_locale text,
  add locale_changed_at timestamptz;
