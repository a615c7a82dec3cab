DROP TABLE spent_puzzles;
DROP TABLE shield_states;
DROP TABLE send_statistics;
