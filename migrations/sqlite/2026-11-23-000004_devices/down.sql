DROP TABLE device_tokens;
DROP TABLE devices;
