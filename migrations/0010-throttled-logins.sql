-- Wrong passwords in a row. The subject is an email address or a session; the caller is the network or the browser that
-- they came from, or all callers together.
create table wrong_passwords (
  subject_hash bytea,
  caller_hash bytea,
  failures int not null default 1,
  last_at timestamptz not null default now(),
  primary key (subject_hash, caller_hash)
);
create index wrong_passwords_age on wrong_passwords (last_at);
delete from rate_limits where starts_with(key, 'failed-logins:');
