-- The address that a link was mailed to, as it is compared: it is no link for whoever reads another one's mail. Null only
-- where the release before minted it.
alter table reset_links add email_canonical text;
update reset_links
set email_canonical = coalesce((
  select old_email_canonical from address_changes
  where address_changes.account_id = reset_links.account_id and changed_at > reset_links.created_at
  order by changed_at limit 1), accounts.email_canonical)
from accounts
where accounts.id = reset_links.account_id;

-- The mail that was allowed to tell the address. It stays allowed when it is tried again.
alter table unknown_address_mails add mail_id uuid;
