//! A throw-away `PostgreSQL`, found or installed, for whoever needs one.

mod cluster;
mod install;
mod server_programs;

pub(crate) use cluster::Cluster;
pub(crate) use server_programs::ServerPrograms;
