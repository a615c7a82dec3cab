DROP TRIGGER users_forget_traces_of_number;
DROP TRIGGER users_forget_traces;
DROP TABLE quoted_prices;
DROP TABLE send_figures;
DROP TABLE send_callbacks;
DROP TABLE send_traces;
