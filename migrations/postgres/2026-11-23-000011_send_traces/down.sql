DROP TRIGGER users_forget_traces ON users;
DROP FUNCTION forget_number_of_traces();
DROP TABLE quoted_prices;
DROP TABLE send_figures;
DROP TABLE send_callbacks;
DROP TABLE send_traces;
