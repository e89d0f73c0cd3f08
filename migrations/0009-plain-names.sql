-- Names that follow the vocabulary of docs/architecture.md. Processes of the release before cannot run beside this
-- schema: stop them all before migrating.

alter table outbox rename column is_doubted to in_grace_period;
alter table outbox rename column address to email;
alter table outbox drop constraint outbox_state_check;
update outbox set state = 'suppressed' where state = 'held';
alter table outbox add constraint outbox_state_check check (state in
  ('queued', 'deferred', 'sent', 'failed', 'too soon', 'no recipient', 'cancelled', 'suppressed'));

alter table mail_server_state rename column trouble to problem;

alter table sessions rename column address to ip_address;

alter table address_changes rename to email_changes;
alter index address_changes_pkey rename to email_changes_pkey;
alter index address_changes_account rename to email_changes_account;
alter index address_changes_old rename to email_changes_old;

alter table account_history rename to audit_history;
alter index account_history_pkey rename to audit_history_pkey;
alter index account_history_account rename to audit_history_account;
alter index account_history_age rename to audit_history_age;
update audit_history
set event = renamed.new
from (values
  ('reset asked', 'reset requested'),
  ('reset finished', 'password reset'),
  ('reset cancelled', 'reset reported'),
  ('address verified', 'email verified'),
  ('address change asked', 'email change requested'),
  ('address changed', 'email changed'),
  ('address change undone', 'email change undone'),
  ('deletion asked', 'deletion requested')) as renamed (old, new)
where event = renamed.old;

-- One table for the links of all mails.
create table links (
  -- SHA-256 of the token. The token itself is only in the mail.
  token_hash bytea primary key,
  purpose text not null check (purpose in
    ('reset-password', 'verify-email', 'confirm-email', 'undo-email-change', 'report-request', 'report-change')),
  account_id uuid not null references accounts on delete cascade,
  -- Set if the link is for the account's current e-mail address only, in the form in which addresses are compared.
  email_canonical text,
  -- Mails are purged earlier than links, so this is no foreign key.
  mail_id uuid,
  params jsonb not null default '{}',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_as text check (ended_as in ('spent', 'replaced', 'revoked')),
  check ((ended_at is null) = (ended_as is null))
);
insert into links (token_hash, purpose, account_id, email_canonical, mail_id, created_at, expires_at, ended_at, ended_as)
select token_hash, purpose, account_id, email_canonical, mail_id, created_at, expires_at, ended_at,
  case ended_as when 'used' then 'spent' when 'cancelled' then 'revoked' else ended_as end
from reset_links;
insert into links (token_hash, purpose, account_id, email_canonical, params, created_at, expires_at, ended_at, ended_as)
select token_hash,
  case purpose
    when 'verify-address' then 'verify-email'
    when 'confirm-address' then 'confirm-email'
    when 'undo-address' then 'undo-email-change'
    when 'not-me-request' then 'report-request'
    when 'not-me-change' then 'report-change'
  end,
  account_id,
  -- A link that verifies an address which the account has left matches no account.
  case when purpose = 'verify-address' then
    case when params ->> 'email' = accounts.email then accounts.email_canonical else '' end
  end,
  case when purpose = 'verify-address' then '{}' else params end,
  action_links.created_at, expires_at, ended_at,
  case ended_as when 'used' then 'spent' when 'cancelled' then 'revoked' end
from action_links join accounts on accounts.id = account_id;
drop table reset_links, action_links;
create index links_account on links (account_id, purpose, created_at);
create index links_expiry on links (expires_at);

-- Its rows live for a day at most, and only bound how often an address without an account gets mail: a counter does that.
drop table unknown_address_mails;

-- A device is a browser and a system, of which a name may be missing, and not a phrase such as "Firefox on Windows".
create function device_from_phrase(phrase text) returns jsonb language sql immutable as $$
  select case
    when phrase = '' then '{}'
    when phrase like '% on %' then
      jsonb_build_object('browser', split_part(phrase, ' on ', 1), 'system', split_part(phrase, ' on ', 2))
    when phrase in ('Android', 'Bada', 'BlackBerry', 'Chrome OS', 'HarmonyOS', 'iOS', 'Linux', 'macOS', 'PlayStation 4',
      'Roku', 'Tizen', 'WebOS', 'Windows', 'Windows Phone') then jsonb_build_object('system', phrase)
    else jsonb_build_object('browser', phrase)
  end
$$;
alter table sessions alter column device drop default;
alter table sessions alter column device type jsonb using device_from_phrase(device);
alter table sessions alter column device set default '{}';
alter table audit_history alter column device drop default;
alter table audit_history alter column device type jsonb using device_from_phrase(device);
alter table audit_history alter column device set default '{}';

-- Mails that the release before has queued get the parameters that their kinds have now.
update outbox set params = params || jsonb_build_object('device', device_from_phrase(coalesce(params ->> 'device', '')))
where kind in ('password-changed', 'password-reset-successful', 'new-device', 'address-changed');
update outbox set params = jsonb_build_object('until', params ->> 'until', 'isVerified', not params ? 'unverified')
where kind = 'account-deleted';
drop function device_from_phrase(text);
