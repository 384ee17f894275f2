//! One attempt of a request: sent once, to one host, read to the end within limits. [`HttpTransport`] sends
//! it over HTTP; another [`Transport`] can replace it.
//!
//! It must not retry, follow a redirect or interpret a response.

use std::borrow::Borrow;
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::base_url::BaseUrl;
use super::body_room::Place;
use super::failure::{Failure, Result};
use super::response::{FailedAttempt, Response};
use super::tls;

/// The largest body of a page, in bytes after decompression. A typical page has about 60 kB; with 64 KiB of
/// text in each of 100 records it has 6.4 MiB, and more with escapes.
const LARGEST_BODY: usize = 16 << 20;
/// The size from which a body is assembled while it is received, in bytes.
const LARGE: usize = 1 << 20;
/// The largest part of every other response (failures, tokens, lookups) that is read, in bytes.
const LARGEST_OTHER: usize = 1 << 20;

/// The timeouts of a single attempt, always in real time.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name resolution, connection and TLS together.
    pub connect: Duration,
    /// The time without a received byte.
    pub read: Duration,
    /// The whole attempt.
    pub total: Duration,
}

impl Timeouts {
    /// For `read`.
    pub const READ: Self =
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(30), total: Duration::from_mins(2) };

    /// For `check`: a user waits for the result.
    pub const CHECK: Self =
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(12), total: Duration::from_secs(12) };
}

/// The receive windows of HTTP/2 for one response, and for all of them, in bytes: larger than 16 responses.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// The timeout of an attempt whose response cannot be requested again.
pub const SINGLE_USE: Duration = Duration::from_mins(3);

/// A request that can be sent again.
#[derive(Clone)]
pub struct Outgoing {
    /// The URL, made from the account's base URL and never from a response.
    pub url: Url,
    authorization: Option<HeaderValue>,
    /// The JSON body of a POST. Neither the body nor the response is ever shown.
    secret_body: Option<Vec<u8>>,
    /// `true` if a lost response cannot be requested again.
    single_use: bool,
    /// The claim on the memory for the response, if that can be a page.
    place: Option<Arc<Place>>,
}

/// Shows the method and the URL; the header and the body hold credentials.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method())
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// Creates a GET with credentials.
    #[must_use]
    pub fn get(url: Url, authorization: HeaderValue) -> Self {
        Self { url, authorization: Some(authorization), secret_body: None, single_use: false, place: None }
    }

    /// Allows the response to have the size of a page, with this claim on the memory.
    #[must_use]
    pub fn with_place(self, place: Arc<Place>) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Releases the memory of the dropped response.
    pub fn drop_response(&self) {
        if let Some(place) = &self.place {
            place.shrink();
        }
    }

    /// Creates a POST of JSON that contains credentials.
    #[must_use]
    pub fn post_secret(url: Url, json: Vec<u8>) -> Self {
        Self { url, authorization: None, secret_body: Some(json), single_use: false, place: None }
    }

    /// Creates a POST of JSON with credentials that the request consumes. It has its own timeout,
    /// [`SINGLE_USE`], in every command: the response cannot be requested again.
    #[must_use]
    pub fn post_once(url: Url, json: Vec<u8>) -> Self {
        Self { single_use: true, ..Self::post_secret(url, json) }
    }

    /// Returns `true` if neither the request nor the response may be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret_body.is_some()
    }

    /// Returns the `Authorization` header, marked as sensitive.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Returns the JSON body of a POST, which contains credentials.
    #[must_use]
    pub fn secret_body(&self) -> Option<&[u8]> {
        self.secret_body.as_deref()
    }

    /// Returns `GET` or `POST`.
    #[must_use]
    pub fn method(&self) -> Method {
        if self.secret_body.is_some() { Method::POST } else { Method::GET }
    }
}

/// The outcome of one attempt: the response, or the failure and its technical description.
pub type Fetched = std::result::Result<Response, (FailedAttempt, String)>;

/// Sends requests to the account's host.
pub trait Transport: Send + Sync {
    /// Sends a request once and returns the response with its whole body.
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>>;
}

/// The transport over HTTP.
pub struct HttpTransport {
    http: reqwest::Client,
    /// The client for requests with a single use, whose timeouts are longer: a client has one read timeout.
    patient: reqwest::Client,
    timeouts: Timeouts,
}

/// The remaining time of an attempt. Time in which it waits for memory does not count.
struct Deadline(Instant);

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Waits for a part of the response.
    async fn wait_for<T>(
        &self,
        part: impl Future<Output = reqwest::Result<T>>,
    ) -> std::result::Result<T, (FailedAttempt, String)> {
        match tokio::time::timeout_at(self.0, part).await {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(error)) => {
                let error = error.without_url();
                Err((transport_failure(&error), chain(&error)))
            }
            Err(_) => Err((FailedAttempt::transient(Failure::Timeout), "operation timed out".to_owned())),
        }
    }

    /// Waits for memory, and extends the deadline by the wait.
    async fn extend_by(&mut self, wait: impl Future<Output = ()>) {
        let began = Instant::now();
        wait.await;
        self.0 += began.elapsed();
    }
}

/// A body that is being received.
///
/// The parts of a typical body are joined at the end: a growing buffer would be copied as often, and would
/// keep its spare capacity while the page waits to be emitted. A large body is never in memory twice: the
/// system moves its memory when it grows.
#[derive(Default)]
struct Body<P> {
    parts: Vec<P>,
    joined: Vec<u8>,
    size: usize,
}

impl<P: Borrow<[u8]>> Body<P> {
    fn push(&mut self, part: P) {
        self.size += part.borrow().len();
        self.parts.push(part);
        if self.size > LARGE {
            let left = self.joined.capacity() - self.joined.len();
            let more = self.size - self.joined.len();
            if left < more {
                self.joined.reserve_exact(more.max(LARGE));
            }
            self.parts.drain(..).for_each(|part| self.joined.extend_from_slice(part.borrow()));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.joined.is_empty() {
            return self.parts.concat();
        }
        self.joined.shrink_to_fit();
        self.joined
    }
}

impl HttpTransport {
    /// Sets up the HTTP client without sending a request. `certificates` is `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn new(
        base: &BaseUrl,
        certificates: Option<&Path>,
        proxy: Option<&reqwest::Proxy>,
        timeouts: Timeouts,
    ) -> Result<Self> {
        let tls = tls::client_config(certificates)?;
        let client = |timeouts: Timeouts| {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
                .tls_backend_preconfigured(tls.clone())
                // Requests carry credentials: they are sent only to the account's host, once, over TLS.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .https_only(!base.is_loopback())
                .connect_timeout(timeouts.connect)
                .read_timeout(timeouts.read)
                // Streams that wait for memory must not use up the connection's window.
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW);
            // The library would ignore an invalid value in the environment.
            builder = builder.no_proxy();
            if let Some(proxy) = proxy.filter(|_| !base.is_loopback()) {
                builder = builder.proxy(proxy.clone());
            }
            builder.build().map_err(|error| Failure::Setup { why: chain(&error) })
        };
        let patient = Timeouts { read: SINGLE_USE, total: SINGLE_USE, ..timeouts };
        Ok(Self { http: client(timeouts)?, patient: client(patient)?, timeouts })
    }

    /// Sends a request once and returns the response with its whole body.
    ///
    /// # Errors
    /// The failure, and its technical details.
    async fn send(&self, request: &Outgoing) -> Fetched {
        let http = if request.single_use { &self.patient } else { &self.http };
        let mut builder = http.request(request.method(), request.url.clone());
        if let Some(authorization) = &request.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &request.secret_body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut deadline = Deadline::after(if request.single_use { SINGLE_USE } else { self.timeouts.total });
        let mut response = deadline.wait_for(builder.send()).await?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let place = request.place.as_ref().filter(|_| status == 200);
        let mut body = Body::default();
        while let Some(part) = deadline.wait_for(response.chunk()).await? {
            if let Some(place) = place {
                if body.size + part.len() > LARGEST_BODY {
                    let what = format!("a body of more than {} MiB", LARGEST_BODY >> 20);
                    return Err((FailedAttempt::transient(Failure::TooLarge { what: what.clone() }), what));
                }
                deadline.extend_by(place.grow(body.size + part.len())).await;
            } else if body.size + part.len() > LARGEST_OTHER {
                // The beginning is sufficient to interpret it.
                body.push(part.slice(..LARGEST_OTHER - body.size));
                break;
            }
            body.push(part);
        }
        Ok(Response { status, headers, body: body.finish() })
    }
}

impl Transport for HttpTransport {
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>> {
        Box::pin(self.send(request))
    }
}

/// Classifies a failure of the transport.
fn transport_failure(error: &reqwest::Error) -> FailedAttempt {
    if let Some(tls) = find::<rustls::Error>(error)
        && matches!(tls, rustls::Error::InvalidCertificate(_))
    {
        return FailedAttempt::permanent(Failure::InvalidCertificate);
    }
    if error.is_connect() {
        let message = chain(error);
        let why = match find::<std::io::Error>(error).map(std::io::Error::kind) {
            _ if message.contains("dns error") => "its name cannot be resolved",
            Some(std::io::ErrorKind::ConnectionRefused) => "connection refused",
            _ if error.is_timeout() => "no connection in time",
            _ => "no connection",
        };
        return FailedAttempt::transient(Failure::NoConnection { why });
    }
    FailedAttempt::transient(if error.is_timeout() { Failure::Timeout } else { Failure::ConnectionLost })
}

/// Returns the first error of this type in the chain of sources. I/O errors wrap others without returning
/// them as their source.
fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// Formats an error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        message.push_str(": ");
        message.push_str(&error.to_string());
        next = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_and_has_no_spare_capacity() {
        for size in [0, 1, 7, LARGE, LARGE + 1, 3 * LARGE + 5] {
            let bytes: Vec<u8> = (0..=255).cycle().take(size).collect();
            for length in [1_000, LARGE / 3, 2 * LARGE] {
                let mut body = Body::default();
                bytes.chunks(length).for_each(|part| body.push(part));
                let body = body.finish();
                assert!(body == bytes, "{size} bytes in parts of {length}");
                assert_eq!(body.capacity(), size, "parts of {length}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_memory_does_not_count_against_the_timeout() {
        let minutes = Duration::from_mins;
        let part = |takes| async move {
            tokio::time::sleep(takes).await;
            Ok(())
        };
        let mut deadline = Deadline::after(minutes(2));
        assert!(deadline.wait_for(part(minutes(1))).await.is_ok());
        deadline.extend_by(tokio::time::sleep(minutes(60))).await;
        assert!(deadline.wait_for(part(Duration::from_secs(59))).await.is_ok());
        let (failed, _) = deadline.wait_for(part(minutes(1))).await.expect_err("the deadline has passed");
        assert_eq!(failed, FailedAttempt::transient(Failure::Timeout));
    }
}
