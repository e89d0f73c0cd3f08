create table accounts (
  id uuid primary key default gen_random_uuid(),
  -- The address as it was typed at sign-up: mail goes there, byte for byte.
  email text not null,
  -- The address as it is compared: ASCII letters in lower case, the domain by IDNA.
  email_canonical text not null unique,
  email_verified_at timestamptz,
  password_hash text not null,
  locale text not null default 'en',
  created_at timestamptz not null default now()
);

create table sessions (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references accounts on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index sessions_account on sessions (account_id);
create index sessions_expiry on sessions (expires_at);
create index sessions_end on sessions (ended_at) where ended_at is not null;

create table movies (
  -- Counts up, so that the order of ids is the order in which the movies came.
  id bigint generated always as identity primary key,
  name text not null,
  casts text[] not null,
  genres text[] not null,
  year smallint,
  added_by uuid not null references accounts,
  created_at timestamptz not null default now(),
  constraint movies_name_year unique nulls not distinct (name, year)
);

-- A mail is its own job: the row is added in the transaction that makes the mail true, and a worker takes it from here.
create table outbox (
  id uuid primary key default gen_random_uuid(),
  kind text not null,
  -- To whom: an account, or, until the worker has looked, an address as a stranger typed it.
  account_id uuid references accounts on delete cascade,
  address text,
  -- What the message needs to be written. Never a secret: those are made at the moment of writing.
  params jsonb not null default '{}',
  locale text not null,
  support_code text not null,
  state text not null default 'queued' check (state in
    ('queued', 'deferred', 'sent', 'failed', 'too soon', 'no recipient', 'cancelled', 'held')),
  attempts integer not null default 0,
  last_reply text,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  -- While a worker has the mail in hand: until when, and the claim under which it may write the outcome.
  leased_until timestamptz,
  lease_id uuid,
  closed_at timestamptz,
  check ((closed_at is null) = (state in ('queued', 'deferred')))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
create index outbox_due on outbox (due_at) where closed_at is null;
create index outbox_account on outbox (account_id, created_at) where account_id is not null;
create index outbox_closed on outbox (closed_at) where closed_at is not null;

create table reset_links (
  -- SHA-256 of the token. The token itself is only in the mail.
  token_hash bytea primary key,
  purpose text not null default 'reset-password' check (purpose in ('reset-password')),
  account_id uuid not null references accounts on delete cascade,
  -- The mail that carries it; mails are purged earlier than links, so this is no foreign key.
  mail_id uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_as text check (ended_as in ('used', 'replaced', 'cancelled')),
  check ((ended_at is null) = (ended_as is null))
);
create index reset_links_account on reset_links (account_id, created_at);
create index reset_links_expiry on reset_links (expires_at);

-- What the mail server said last, for the health page of every process.
create table mail_server_state (
  only_row boolean primary key default true check (only_row),
  trouble text,
  since timestamptz not null default now()
);
insert into mail_server_state (trouble) values (null);

-- The counters of rate-limiter-flexible, in the shape that library expects.
create table rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);
create index rate_limits_expiry on rate_limits (expire);
