//! Requests as tests see them, and responses that tests can substitute. Plain data:
//! `exchange` acts on it.

use std::{fmt, sync::Arc, time::Duration, time::Instant};

use serde_json::Value;

/// A received request.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// 1 for the first request of this sandbox, over all connections.
    /// [`Sandbox::clear_requests`](crate::Sandbox::clear_requests) does not reset it.
    pub number: u64,
    /// The method, such as `GET`.
    pub method: String,
    /// The path, not decoded.
    pub path: String,
    /// The query string, not decoded; empty if there is none.
    pub query: String,
    /// The names and values of the query, decoded (`+` is a space), in order.
    pub params: Vec<(String, String)>,
    /// The `Authorization` header. Bytes that are not UTF-8 are replaced.
    pub authorization: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The time of arrival.
    pub at: Instant,
    /// The body; empty for a GET.
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// Returns the last value of the parameter with this decoded name, such as
    /// `page[size]`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

type Hook = dyn Fn(&SeenRequest) -> Option<MockResponse> + Send + Sync;
type Editor = dyn Fn(Value) -> Value + Send + Sync;
type Bytes = dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync;

/// A hook that is called for each request, token requests included, after it has been
/// counted. `Some` replaces the response.
#[derive(Clone)]
pub struct ResponseHook(Arc<Hook>);

impl ResponseHook {
    /// Wraps a closure.
    pub fn new(hook: impl Fn(&SeenRequest) -> Option<MockResponse> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// Calls the hook.
    pub(crate) fn call(&self, request: &SeenRequest) -> Option<MockResponse> {
        (self.0)(request)
    }
}

impl fmt::Debug for ResponseHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseHook(..)")
    }
}

/// Replaces or changes the regular response. Only variants that need the regular
/// response count against the rate limit.
#[derive(Clone)]
pub enum MockResponse {
    /// Sends these bytes. `Date`, `Content-Length` and `X-Zendesk-Request-Id` are added if
    /// `headers` lacks them; rate limit headers are not.
    Reply {
        /// Status code. A code outside 100..=599 becomes 500.
        status: u16,
        /// Names and values. Headers that HTTP does not allow are skipped.
        headers: Vec<(String, String)>,
        /// The body. It is never compressed.
        body: Vec<u8>,
    },
    /// Closes the connection before the first byte of the response.
    DropConnection,
    /// Sends the status and headers of the regular response, with the full `Content-Length`,
    /// and the first bytes of its body, then closes the connection.
    DropInBody {
        /// Number of bytes of the encoded body to send; at most all but the last.
        sent: usize,
    },
    /// Does not respond until the client disconnects or the sandbox is dropped.
    Stall,
    /// Sends the regular response after this time.
    Delay(Duration),
    /// Sends the regular response with edited JSON. Records of `audit_logs` that the editor
    /// does not change keep their exact bytes. A response that is not JSON is not edited.
    /// [`MockResponse::edit`] creates it from a closure.
    Edit(Arc<Editor>),
    /// Sends the regular response with the bytes of its body edited before compression.
    EditText(Arc<Bytes>),
    /// Sends the regular response, always compressed, with the compressed bytes edited.
    EditGzip(Arc<Bytes>),
    /// Sends the regular response with its body in pieces of equal size.
    Drip {
        /// Number of pieces; fewer if the body has fewer bytes.
        pieces: usize,
        /// Time before each piece.
        pause: Duration,
    },
}

impl MockResponse {
    /// Creates a [`MockResponse::Edit`] from a closure.
    pub fn edit(editor: impl Fn(Value) -> Value + Send + Sync + 'static) -> Self {
        Self::Edit(Arc::new(editor))
    }

    /// Creates a [`MockResponse::EditText`] from a closure.
    pub fn edit_text(editor: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::EditText(Arc::new(editor))
    }

    /// Creates a [`MockResponse::EditGzip`] from a closure.
    pub fn edit_gzip(editor: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::EditGzip(Arc::new(editor))
    }

    /// Creates a JSON response with this status and no further headers.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        Self::Reply {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for MockResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { status, .. } => write!(f, "Reply({status}, ..)"),
            Self::DropConnection => f.write_str("DropConnection"),
            Self::DropInBody { sent } => write!(f, "DropInBody({sent})"),
            Self::Stall => f.write_str("Stall"),
            Self::Delay(time) => write!(f, "Delay({time:?})"),
            Self::Edit(_) => f.write_str("Edit(..)"),
            Self::EditText(_) => f.write_str("EditText(..)"),
            Self::EditGzip(_) => f.write_str("EditGzip(..)"),
            Self::Drip { pieces, pause } => write!(f, "Drip({pieces}, {pause:?})"),
        }
    }
}
