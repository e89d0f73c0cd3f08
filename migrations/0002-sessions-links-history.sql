-- No hash: nobody can log in until the password is set by mail.
alter table accounts alter column password_hash drop not null;
alter table accounts
  add frozen_at timestamptz,
  -- The address that the owner wants, until it is confirmed from there.
  add pending_email text,
  -- After "this wasn't me": no further mail about a new password before then.
  add reset_quiet_until timestamptz,
  add delete_at timestamptz,
  add delete_movies boolean not null default false;
create index accounts_deletion on accounts (delete_at) where delete_at is not null;

alter table sessions
  add device text not null default '',
  add address text not null default '',
  add last_used_at timestamptz not null default now();

-- A movie may outlive the account that added it, and keeps that account's id.
alter table movies drop constraint movies_added_by_fkey;
create index movies_added_by on movies (added_by);

-- The links in mails that do something other than setting a password.
create table action_links (
  token_hash bytea primary key,
  purpose text not null check (purpose in
    ('verify-address', 'confirm-address', 'undo-address', 'not-me-request', 'not-me-change')),
  account_id uuid not null references accounts on delete cascade,
  params jsonb not null default '{}',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_as text check (ended_as in ('used', 'cancelled')),
  check ((ended_at is null) = (ended_as is null))
);
create index action_links_account on action_links (account_id, purpose);
create index action_links_expiry on action_links (expires_at);

-- As long as a change can be undone, the old address is kept free for its owner.
create table address_changes (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references accounts on delete cascade,
  old_email text not null,
  old_email_canonical text not null,
  changed_at timestamptz not null default now(),
  undo_until timestamptz not null,
  undone_at timestamptz
);
create index address_changes_account on address_changes (account_id, changed_at);
create index address_changes_old on address_changes (old_email_canonical) where undone_at is null;

-- Browsers in which an account has logged in, by the SHA-256 of a cookie.
create table known_browsers (
  token_hash bytea not null,
  account_id uuid not null references accounts on delete cascade,
  last_used_at timestamptz not null default now(),
  primary key (account_id, token_hash)
);

create table account_history (
  id bigint generated always as identity primary key,
  account_id uuid not null references accounts on delete cascade,
  at timestamptz not null default now(),
  event text not null,
  device text not null default '',
  support_code text
);
create index account_history_account on account_history (account_id, id);
create index account_history_age on account_history (at);

-- When an address without an account was last told so.
create table unknown_address_mails (
  email_canonical text primary key,
  sent_at timestamptz not null default now()
);
