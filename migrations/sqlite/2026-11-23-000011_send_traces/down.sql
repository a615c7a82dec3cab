DROP TRIGGER users_forget_traces;
DROP TABLE send_figures;
DROP TABLE send_callbacks;
DROP TABLE send_traces;
