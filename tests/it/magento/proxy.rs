//! A proxy in front of the database, which delays and cuts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Passes bytes on for as long as it is there.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    control: Arc<Control>,
    _runtime: Runtime,
}

#[derive(Debug, Default)]
struct Control {
    /// How long each piece is held back, in milliseconds.
    delay: AtomicU64,
    /// Connections that were made before this number are cut.
    cut_through: AtomicUsize,
    made: AtomicUsize,
}

impl Proxy {
    /// In front of this port.
    pub(super) fn before(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let control = Arc::<Control>::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&control);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.made.fetch_add(1, Ordering::SeqCst);
                let control = Arc::clone(&shared);
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    let (client_reader, client_writer) = client.into_split();
                    let (server_reader, server_writer) = server.into_split();
                    // When one direction ends, so does the other.
                    tokio::select! {
                        () = pass(client_reader, server_writer, &control, number) => {}
                        () = pass(server_reader, client_writer, &control, number) => {}
                    }
                });
            }
        });
        Self { address, control, _runtime: runtime }
    }

    /// Holds each piece back for so long.
    pub(super) fn delay(&self, delay: Duration) {
        self.control.delay.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Cuts every connection that there is, at the next byte.
    pub(super) fn cut(&self) {
        self.control.cut_through.store(self.control.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    control: &Control,
    number: usize,
) {
    let mut piece = vec![0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(Duration::from_millis(control.delay.load(Ordering::SeqCst))).await;
        if number < control.cut_through.load(Ordering::SeqCst) || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
