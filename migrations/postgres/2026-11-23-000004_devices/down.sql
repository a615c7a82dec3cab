DROP FUNCTION close_challenges;
DROP FUNCTION forget_devices;
DROP FUNCTION count_device_failure;
DROP FUNCTION use_device;
DROP TABLE device_tokens;
DROP TABLE devices;
