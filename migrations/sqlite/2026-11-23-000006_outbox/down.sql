DROP TABLE webhook_deliveries;
DROP INDEX events_fan_out_idx;
DROP INDEX events_notify_idx;
ALTER TABLE events DROP COLUMN fanned_out_at;
ALTER TABLE events DROP COLUMN notify_at;
ALTER TABLE events DROP COLUMN notify_attempts;
ALTER TABLE events DROP COLUMN notify_locale;
ALTER TABLE events DROP COLUMN notify_phone;
