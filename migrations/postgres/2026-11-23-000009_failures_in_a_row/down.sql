DROP FUNCTION record_disclosure;
DROP FUNCTION attempts_full_until;
DROP TABLE code_failures;
