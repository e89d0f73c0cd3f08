-- A lease that has run out, while its worker is given a last time to say that it still has the mail in hand.
alter table outbox add is_doubted boolean not null default false;
