//! The promises of the ports as test suites for adapters.
