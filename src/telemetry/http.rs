//! The window that operators and orchestrators look through: `/metrics`, `/livez`, `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Error, Health, Metrics};

#[derive(Clone)]
struct Window {
    metrics: Metrics,
    services: Arc<[Arc<Health>]>,
}

/// A running server. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens: the port that the system chose when the configured one was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what was asked already and ends.
    pub async fn stop(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        // A server task that failed has nothing left to be stopped.
        let _ = task.await;
    }
}

/// Listens on `listen` (`host:port`) and answers for all `services` of this process together.
///
/// # Errors
/// [`Error::Listen`] when the address is taken or not ours.
pub async fn serve(listen: &str, metrics: Metrics, services: Vec<Arc<Health>>) -> Result<Server, Error> {
    let refused = |cause| Error::Listen { address: listen.to_owned(), cause };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let window = Window { metrics, services: services.into() };
    let router = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(show_live))
        .route("/readyz", get(show_ready))
        .with_state(window);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let until = async move {
            let _ = stopped.await;
        };
        if let Err(cause) = axum::serve(listener, router).with_graceful_shutdown(until).await {
            super::events::http_ended(&cause.to_string());
        }
    });
    Ok(Server { address, stop, task })
}

async fn show_metrics(State(window): State<Window>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], window.metrics.render()).into_response()
}

async fn show_live(State(window): State<Window>) -> Response {
    let dead = window.services.iter().any(|service| !service.is_live());
    if dead { (StatusCode::SERVICE_UNAVAILABLE, "stopped\n").into_response() } else { "ok\n".into_response() }
}

async fn show_ready(State(window): State<Window>) -> Response {
    let reasons: Vec<String> = window.services.iter().flat_map(|service| service.not_ready_because()).collect();
    if reasons.is_empty() { "ok\n".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn ready_after_assignment_and_restore_and_gone_after_stop() {
        let health = Arc::new(Health::new("shipment-tracker"));
        let metrics = Metrics::new().unwrap();
        metrics.source("shipment-tracker", "shipment.links").published(3);
        let server = serve("127.0.0.1:0", metrics, vec![Arc::clone(&health)]).await.unwrap();
        let address = server.address();

        let unready = ask(address, "/readyz").await;
        assert!(unready.starts_with("HTTP/1.1 503") && unready.contains("stores not restored yet"), "{unready}");
        assert!(ask(address, "/livez").await.starts_with("HTTP/1.1 200"));
        health.set_assigned(true);
        health.set_restored(true);
        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        let told = ask(address, "/metrics").await;
        assert!(
            told.contains(r#"waybill_records_total{service="shipment-tracker",source="shipment.links",verdict="published"} 3"#),
            "{told}"
        );
        health.set_live(false);
        assert!(ask(address, "/livez").await.starts_with("HTTP/1.1 503"));

        server.stop().await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_taken_address_is_said() {
        let first = serve("127.0.0.1:0", Metrics::new().unwrap(), vec![]).await.unwrap();
        let taken = first.address().to_string();
        let error = serve(&taken, Metrics::new().unwrap(), vec![]).await.unwrap_err();
        assert!(error.to_string().contains(&taken), "{error}");
    }
}
