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

-- A proxy may have passed on any text as the client's IP address. The column stays text, because processes of the release
-- before insert such text, or nothing, and would fail on the type inet.
update sessions set ip_address = '' where ip_address !~ '^[0-9a-f.:]{2,45}$';
