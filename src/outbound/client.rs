//! The HTTP client.

use std::error::Error as StdError;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// Time to reach the other side; a part of the deadline, never more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One POST.
#[derive(Debug)]
pub struct Request<'a> {
    /// Absolute URL, `http` or `https`.
    pub url: &'a str,
    /// `content-type` of the body.
    pub content_type: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// Sent as `authorization: bearer …`.
    pub bearer: Option<&'a SecretString>,
    /// The body.
    pub body: Vec<u8>,
    /// From the first byte out to the last byte in.
    pub timeout: Duration,
    /// Most bytes of the answer that are read.
    pub answer_bytes_max: usize,
}

/// What came back, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type in lower case without parameters; empty where none was sent.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The call has no answer. No variant carries a URL, a header or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody was reached: refused, no route, unknown host, no connection in time. Nothing was sent.
    #[error("connection refused")]
    Refused,
    /// The other side could not prove who it is, or speaks no TLS that we do. Nothing was sent.
    #[error("tls failed")]
    Tls,
    /// The request went out and the connection broke before the answer was whole.
    #[error("connection reset")]
    Reset,
    /// The request went out and no whole answer came in time.
    #[error("timed out")]
    Timeout,
    /// The answer is larger than the cap.
    #[error("answer too large")]
    TooLarge,
    /// The URL or a header cannot be sent.
    #[error("request cannot be sent")]
    BadRequest,
}

impl SendError {
    /// Whether the other side may have acted on the request. It has to be looked up before it is tried again.
    #[must_use]
    pub fn unknown_outcome(self) -> bool {
        matches!(self, Self::Reset | Self::Timeout | Self::TooLarge)
    }
}

/// The client could not be built: the TLS library of the system is unusable.
#[derive(Debug, thiserror::Error)]
#[error("http client cannot be built")]
pub struct ClientError(#[source] reqwest::Error);

/// The HTTP client. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

impl HttpClient {
    /// A client that verifies certificates, follows no redirect and takes no proxy from the environment
    /// (settings come from the configuration alone).
    pub fn new() -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("waybill/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError)?;
        Ok(Self { client })
    }

    /// Sends a POST and reads the answer up to the cap.
    pub async fn post(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let headers = headers_of(&request)?;
        let sent = self.client.post(request.url).headers(headers).timeout(request.timeout).body(request.body).send().await;
        let mut response = sent.map_err(|error| kind_of(&error))?;
        let status = response.status().as_u16();
        let content_type = media_type(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| kind_of(&error))? {
            if body.len() + chunk.len() > request.answer_bytes_max {
                return Err(SendError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, content_type, body })
    }
}

fn headers_of(request: &Request<'_>) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| SendError::BadRequest);
    headers.insert(CONTENT_TYPE, value(request.content_type)?);
    for (name, text) in request.headers {
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| SendError::BadRequest)?, value(text)?);
    }
    if let Some(bearer) = request.bearer {
        let mut authorization = value(&format!("bearer {}", bearer.expose_secret()))?;
        authorization.set_sensitive(true);
        headers.insert(reqwest::header::AUTHORIZATION, authorization);
    }
    Ok(headers)
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn kind_of(error: &reqwest::Error) -> SendError {
    if error.is_builder() {
        return SendError::BadRequest;
    }
    if error.is_connect() {
        return if is_network(error) { SendError::Refused } else { SendError::Tls };
    }
    if error.is_timeout() { SendError::Timeout } else { SendError::Reset }
}

/// Whether a connection failed below TLS: the TLS library's own errors are no `io::Error`, the network's are,
/// and a name that is not found says so in words only.
fn is_network(error: &reqwest::Error) -> bool {
    if error.is_timeout() {
        return true;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            let tls_inside = io.kind() == ErrorKind::Other && io.get_ref().is_some();
            return !tls_inside || error.to_string().contains("lookup");
        }
        if error.to_string().contains("dns error") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers one connection with these bytes, then closes it.
    async fn answering(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(bytes).await;
        });
        format!("http://{address}/x")
    }

    async fn post(url: &str, timeout_ms: u64, answer_bytes_max: usize) -> Result<Answer, SendError> {
        let request = Request {
            url,
            content_type: "application/json",
            headers: &[],
            bearer: None,
            body: b"{}".to_vec(),
            timeout: Duration::from_millis(timeout_ms),
            answer_bytes_max,
        };
        HttpClient::new().unwrap().post(request).await
    }

    #[tokio::test]
    async fn answers_come_with_status_and_media_type_and_redirects_are_not_followed() {
        let url = answering(b"HTTP/1.1 303 SEE OTHER\r\nLocation: http://127.0.0.1:1/\r\nContent-Type: Text/HTML; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi").await;
        let answer = post(&url, 5000, 100).await.unwrap();
        assert_eq!(answer, Answer { status: 303, content_type: "text/html".into(), body: b"hi".to_vec() });
    }

    #[tokio::test]
    async fn each_way_to_fail_has_its_kind() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(post(&format!("http://{closed}/"), 5000, 10).await, Err(SendError::Refused));
        assert_eq!(post("http://no-such-host.invalid/", 5000, 10).await, Err(SendError::Refused));
        assert_eq!(post(&answering(b"").await, 5000, 10).await, Err(SendError::Reset));
        assert_eq!(post(&answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await, 5000, 10).await, Err(SendError::Reset));
        assert_eq!(post(&answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour").await, 5000, 3).await, Err(SendError::TooLarge));
        let plain = answering(b"not tls at all").await.replace("http://", "https://");
        assert_eq!(post(&plain, 5000, 10).await, Err(SendError::Tls));
        assert_eq!(post("no url", 5000, 10).await, Err(SendError::BadRequest));
    }

    #[tokio::test]
    async fn silence_is_a_timeout_of_unknown_outcome() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let error = post(&url, 50, 10).await.unwrap_err();
        assert_eq!(error, SendError::Timeout);
        assert!(error.unknown_outcome() && !SendError::Refused.unknown_outcome());
    }
}
