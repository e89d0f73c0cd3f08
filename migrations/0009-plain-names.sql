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
