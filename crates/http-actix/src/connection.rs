//! The connection that a request came over, and whether its client is still there.

use std::{any::Any, future::pending, io, net, os::fd::AsFd, sync::Arc};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use tokio::io::Interest;

tokio::task_local! {
    static CONNECTION: Option<Connection>;
}

/// A second descriptor of a connection's socket: actix keeps the first for itself,
/// and goes on with a request whose client has left.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<net::TcpStream>);

/// Keeps what is needed to watch a new connection among its data, so that it goes
/// when the connection goes.
pub(crate) fn remember(stream: &dyn Any, data: &mut Extensions) {
    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    match Connection::of(stream) {
        Ok(connection) => {
            data.insert(connection);
        }
        Err(error) => tracing::debug!(%error, "a connection is served without being watched"),
    }
}

/// Lets everything beneath `answering` ask for the client of this connection.
pub(crate) async fn scope<F: Future>(connection: Option<Connection>, answering: F) -> F::Output {
    CONNECTION.scope(connection, answering).await
}

/// Resolves once the client of the request being answered has closed its
/// connection, or only its half of it, as nginx takes it. A client that has
/// already sent its next request is still there.
///
/// Never resolves outside of a request, nor for a client that vanished without
/// closing.
pub async fn client_is_gone() {
    match CONNECTION.try_with(Clone::clone) {
        // Where the system gives no more descriptors nobody is watched, and nobody is gone.
        Ok(Some(connection)) if connection.closed().await.is_ok() => {}
        _ => pending().await,
    }
}

impl Connection {
    fn of(stream: &impl AsFd) -> io::Result<Self> {
        Ok(Self(Arc::new(stream.as_fd().try_clone_to_owned()?.into())))
    }

    /// Registered only while somebody asks: most requests never do.
    async fn closed(&self) -> io::Result<()> {
        let socket = TcpStream::from_std(self.0.try_clone()?)?;
        while !socket.ready(Interest::READABLE).await?.is_read_closed() {
            // What the client sends meanwhile is for the server to read: wait for the next event.
            let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = socket.try_io(Interest::READABLE, nothing);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::Shutdown, pin::pin};

    use futures_util::FutureExt;
    use tokio::{net::TcpListener, task::yield_now};

    use super::*;

    /// A client and the server's end of its connection.
    async fn connect() -> (net::TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// What a handler of a request over this connection waits for.
    fn gone(server: &TcpStream) -> impl Future<Output = ()> + use<> {
        scope(Some(Connection::of(server).unwrap()), client_is_gone())
    }

    /// Looks at the sockets many times.
    async fn never_resolves(mut waiting: impl Future<Output = ()> + Unpin) {
        for _ in 0..100 {
            assert!((&mut waiting).now_or_never().is_none(), "it resolved");
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_client_that_closes_is_gone() {
        let (client, server) = connect().await;
        let mut gone = pin!(gone(&server));
        never_resolves(gone.as_mut()).await;
        drop(client);
        gone.await;
    }

    #[tokio::test]
    async fn a_client_that_had_closed_before_is_gone() {
        let (client, server) = connect().await;
        drop(client);
        gone(&server).await;
    }

    #[tokio::test]
    async fn a_client_that_closes_its_half_is_gone() {
        let (client, server) = connect().await;
        client.shutdown(Shutdown::Write).unwrap();
        gone(&server).await;
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_is_gone() {
        let (client, server) = connect().await;
        server.writable().await.unwrap();
        server.try_write(b"unread").unwrap();
        client.peek(&mut [0]).unwrap();
        // Closing with something unread resets.
        drop(client);
        gone(&server).await;
    }

    #[tokio::test]
    async fn a_client_that_sends_its_next_request_is_there_until_it_closes() {
        let (mut client, server) = connect().await;
        let mut gone = pin!(gone(&server));
        for _ in 0..3 {
            client.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
            server.readable().await.unwrap();
            never_resolves(gone.as_mut()).await;
        }
        drop(client);
        // Though what it sent was never read.
        gone.await;
    }

    #[tokio::test]
    async fn nothing_is_taken_from_what_the_server_reads() {
        let (mut client, server) = connect().await;
        client.write_all(b"GET").unwrap();
        server.readable().await.unwrap();
        never_resolves(pin!(gone(&server))).await;
        let mut read = [0; 8];
        assert_eq!((server.try_read(&mut read).unwrap(), &read[..3]), (3, &b"GET"[..]));
    }

    #[tokio::test]
    async fn nobody_is_gone_where_no_connection_is_known() {
        never_resolves(pin!(client_is_gone())).await;
        never_resolves(pin!(scope(None, client_is_gone()))).await;
    }

    #[tokio::test]
    async fn the_second_descriptor_is_closed_with_the_data_of_the_connection() {
        let (_client, server) = connect().await;
        let mut data = Extensions::new();
        remember(&server, &mut data);
        let connection = data.get::<Connection>().unwrap().clone();
        scope(Some(connection.clone()), async {}).await;
        assert!(scope(Some(connection.clone()), client_is_gone()).now_or_never().is_none());
        let descriptor = Arc::downgrade(&connection.0);
        drop(connection);
        drop(data);
        assert_eq!(descriptor.strong_count(), 0);
    }
}
