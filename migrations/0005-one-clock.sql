-- The counters are our own now, and the database's clock is the only one that they go by.
alter table rate_limits alter column expire type timestamptz using to_timestamp(expire / 1000.0);
alter table rate_limits alter column expire set not null;
alter table rate_limits rename column expire to expires_at;
