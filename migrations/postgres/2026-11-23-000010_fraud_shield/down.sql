DROP FUNCTION count_send(
    text[], text[], timestamptz, text, bigint, timestamptz, text[], text[], boolean[], timestamptz[], bigint[],
    bigint[], text, bigint, integer, boolean, text
);
DROP TABLE spent_puzzles;
DROP TABLE shield_states;
DROP TABLE send_statistics;
