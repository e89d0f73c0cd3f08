-- A login is news unless its device was seen in a session that is live, expired or was logged out. One that was ended for
-- any other reason may have been a thief's.
alter table sessions
  add is_device_known boolean not null default true,
  -- The known browser in which the session was started, forgotten when the session is ended.
  add browser_hash bytea;
-- How these ended is not recorded.
update sessions set is_device_known = false where ended_at is not null;

-- Only an address that was verified is reserved for its account after a change: anyone can sign up with a stranger's.
alter table email_changes add was_verified boolean not null default true;
