-- Null where nobody has said it yet: then it is the language of the request, or else the default. So far there was one
-- language, so that what stands here was nobody's choice.
alter table accounts
  alter column locale drop not null,
  alter column locale drop default;
update accounts set locale = null;

-- The language that the request asked for, if it did.
alter table outbox alter column locale drop not null;
