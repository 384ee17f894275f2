//! One attempt of a request: sent once, to one host, read to the end within limits. [`HttpTransport`] sends
//! it over HTTP; another [`Transport`] can take its place.
//!
//! It must not retry, follow a redirect or interpret a response.

use std::borrow::Borrow;
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};

use super::base_url::BaseUrl;
use super::failure::{Failure, Result};
use super::response::{FailedAttempt, Response};
use super::tls;

/// The largest body of a page, in bytes after decompression. A usual page has about 60 KB; with 64 KiB of text in
/// each of 100 records it has 6.4 MiB, and more with escapes.
const LARGEST_BODY: usize = 16 << 20;
/// The largest total of all bodies that are being received. 16 usual pages have about 1 MB.
const LARGEST_TOGETHER: usize = 64 << 20;
/// The largest part of every other response (failures, tokens) that is read, in bytes.
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

/// How long an attempt may take whose response cannot be had again.
pub const SINGLE_USE: Duration = Duration::from_mins(3);

/// A request that can be sent again.
#[derive(Clone)]
pub struct Outgoing {
    /// The URL, made from the account's base URL and never from a response.
    pub url: Url,
    authorization: Option<HeaderValue>,
    /// The JSON body of a POST. Neither the body nor the response is ever shown.
    secret_body: Option<Vec<u8>>,
    /// Whether its response, if it is lost, cannot be had again.
    single_use: bool,
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
        Self { url, authorization: Some(authorization), secret_body: None, single_use: false }
    }

    /// Creates a POST of JSON that contains credentials.
    #[must_use]
    pub fn post_secret(url: Url, json: Vec<u8>) -> Self {
        Self { url, authorization: None, secret_body: Some(json), single_use: false }
    }

    /// A POST of JSON that contains credentials which it uses up. It has a time limit of its own, [`SINGLE_USE`],
    /// in every command: what the response brings cannot be had again.
    #[must_use]
    pub fn post_once(url: Url, json: Vec<u8>) -> Self {
        Self { single_use: true, ..Self::post_secret(url, json) }
    }

    /// Returns whether neither the request nor the response may be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret_body.is_some()
    }

    /// The `Authorization` header; marked as sensitive.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The JSON body of a POST; contains credentials.
    #[must_use]
    pub fn secret_body(&self) -> Option<&[u8]> {
        self.secret_body.as_deref()
    }

    /// `GET` or `POST`.
    #[must_use]
    pub fn method(&self) -> Method {
        if self.secret_body.is_some() { Method::POST } else { Method::GET }
    }
}

/// The outcome of one attempt: the response, or what the failure means and its technical words.
pub type Fetched = std::result::Result<Response, (FailedAttempt, String)>;

/// Carries requests to the account's host.
pub trait Transport: Send + Sync {
    /// Sends a request once and returns the response with its whole body.
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>>;
}

/// The transport over HTTP.
pub struct HttpTransport {
    http: reqwest::Client,
    /// For requests with a single use, whose time limit is longer: a client has one limit for silence.
    patient: reqwest::Client,
    /// The bytes of the bodies that are being received.
    arriving: AtomicUsize,
}

/// A body that is being received. It is counted until it is complete or dropped.
///
/// The parts are joined at the end: a growing buffer would be copied as often, and would keep its spare capacity
/// while the page waits to be emitted.
struct Arriving<'t, P> {
    together: &'t AtomicUsize,
    parts: Vec<P>,
    size: usize,
}

impl<P: Borrow<[u8]>> Arriving<'_, P> {
    /// Adds a part, and returns the bytes of all bodies that are being received.
    fn take(&mut self, part: P) -> usize {
        let size = part.borrow().len();
        self.size += size;
        self.parts.push(part);
        self.together.fetch_add(size, Ordering::Relaxed) + size
    }

    fn finish(self) -> Vec<u8> {
        self.parts.concat()
    }
}

impl<P> Drop for Arriving<'_, P> {
    fn drop(&mut self) {
        self.together.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl HttpTransport {
    /// Sets up the HTTP client; nothing is sent yet. `certificates` is `SSL_CERT_FILE`.
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
                // Requests carry credentials: they go to the account's host only, once, over TLS.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .https_only(!base.is_loopback())
                .connect_timeout(timeouts.connect)
                .read_timeout(timeouts.read)
                .timeout(timeouts.total);
            // The library's own reading of the environment ignores what it does not understand.
            builder = builder.no_proxy();
            if let Some(proxy) = proxy.filter(|_| !base.is_loopback()) {
                builder = builder.proxy(proxy.clone());
            }
            builder.build().map_err(|error| Failure::Setup { why: chain(&error) })
        };
        let patient = Timeouts { read: SINGLE_USE, total: SINGLE_USE, ..timeouts };
        Ok(Self { http: client(timeouts)?, patient: client(patient)?, arriving: AtomicUsize::new(0) })
    }

    /// Sends a request once and returns the response with its whole body.
    ///
    /// # Errors
    /// What the failure means, and its technical details.
    async fn send(&self, request: &Outgoing) -> Fetched {
        let http = if request.single_use { &self.patient } else { &self.http };
        let mut builder = http.request(request.method(), request.url.clone());
        if let Some(authorization) = &request.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &request.secret_body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let broken = |error: reqwest::Error| {
            let error = error.without_url();
            (transport_failure(&error), chain(&error))
        };
        let mut response = builder.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let may_be_a_page = status == 200 && !request.is_secret();
        let mut arriving = Arriving { together: &self.arriving, parts: Vec::new(), size: 0 };
        while let Some(part) = response.chunk().await.map_err(broken)? {
            if !may_be_a_page && arriving.size + part.len() > LARGEST_OTHER {
                // The beginning is enough to interpret it.
                arriving.take(part.slice(..LARGEST_OTHER - arriving.size));
                break;
            }
            let too_large = |what: &str, limit: usize| {
                let what = format!("{what} of more than {} MiB", limit >> 20);
                (FailedAttempt::transient(Failure::TooLarge { what: what.clone() }), what)
            };
            if arriving.size + part.len() > LARGEST_BODY {
                return Err(too_large("a body", LARGEST_BODY));
            }
            if arriving.take(part) > LARGEST_TOGETHER {
                return Err(too_large("bodies at a time", LARGEST_TOGETHER));
            }
        }
        Ok(Response { status, headers, body: arriving.finish() })
    }
}

impl Transport for HttpTransport {
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>> {
        Box::pin(self.send(request))
    }
}

/// Classifies a failure below HTTP.
fn transport_failure(error: &reqwest::Error) -> FailedAttempt {
    if let Some(tls) = find::<rustls::Error>(error)
        && matches!(tls, rustls::Error::InvalidCertificate(_))
    {
        return FailedAttempt::permanent(Failure::InvalidCertificate);
    }
    if error.is_connect() {
        let words = chain(error);
        let why = match find::<std::io::Error>(error).map(std::io::Error::kind) {
            _ if words.contains("dns error") => "its name cannot be resolved",
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
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words.push_str(": ");
        words.push_str(&error.to_string());
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_count_together_as_long_as_they_are_on_their_way() {
        let together = AtomicUsize::new(0);
        let arriving = || Arriving { together: &together, parts: Vec::new(), size: 0 };
        let (mut one, mut other) = (arriving(), arriving());
        assert_eq!(one.take(&b"12345"[..]), 5);
        assert_eq!(other.take(&b"123"[..]), 8);
        assert_eq!(one.take(&b"67"[..]), 10);
        assert_eq!(one.finish(), b"1234567");
        assert_eq!(other.take(&b"4"[..]), 4);
        drop(other);
        assert_eq!(together.load(Ordering::Relaxed), 0, "also those that are given up");
    }
}
