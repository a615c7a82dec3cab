//! The simulator alone, with development credentials: `cargo run -p
//! sinch-simulator --example standalone -- 127.0.0.1:3001`.

use std::io;

use sinch_simulator::{Settings, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3001".to_owned());
    let simulator = Simulator::bind(Settings::default(), address)?;
    println!("{}", simulator.base_url());
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    simulator.run_until(interrupted).await
}
