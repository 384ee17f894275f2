//! What a test can see of a request, and what it can put in the place of an
//! answer. Plain data: the server acts on it.

use std::{fmt, sync::Arc, time::Duration, time::Instant};

use serde_json::Value;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// 1 for the first request of this sandbox, over all connections; goes on
    /// counting after [`Sandbox::clear_requests`](crate::Sandbox::clear_requests).
    pub number: u64,
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path as sent, not decoded.
    pub path: String,
    /// What stood after the `?`, as sent; empty when there was none.
    pub query: String,
    /// The query's names and values, decoded (`+` is a blank), in their order.
    pub params: Vec<(String, String)>,
    /// The `Authorization` header; bytes outside UTF-8 are replaced.
    pub authorization: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// When it arrived.
    pub at: Instant,
    /// The request's body, empty for a GET.
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// The last value of a parameter by its decoded name, such as `page[size]`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

type Hook = dyn Fn(&SeenRequest) -> Option<Answer> + Send + Sync;
type Editor = dyn Fn(Value) -> Value + Send + Sync;
type Bytes = dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync;

/// Called for each request, OAuth's too, after it was counted and before it is
/// answered; `Some` replaces the answer.
#[derive(Clone)]
pub struct Interfere(Arc<Hook>);

impl Interfere {
    /// Wraps a closure.
    pub fn new(hook: impl Fn(&SeenRequest) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// What the closure wants done with this request.
    pub(crate) fn ask(&self, request: &SeenRequest) -> Option<Answer> {
        (self.0)(request)
    }
}

impl fmt::Debug for Interfere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interfere(..)")
    }
}

/// What is done instead of answering as usual. Only the kinds that need the real
/// answer count against the rate limit.
#[derive(Clone)]
pub enum Answer {
    /// These bytes. `Date`, `Content-Length` and `X-Zendesk-Request-Id` are added
    /// where `headers` lacks them; rate limit headers are not.
    Reply {
        /// Status code; one outside 100..=599 becomes a 500.
        status: u16,
        /// Names and values; what HTTP does not allow in a header is left out.
        headers: Vec<(String, String)>,
        /// Sent as it is, never compressed.
        body: Vec<u8>,
    },
    /// The connection is closed before any byte of the answer.
    DropConnection,
    /// The real answer's status and headers (with the whole `Content-Length`), the
    /// first bytes of its body, then the connection is closed.
    DropInBody {
        /// Bytes of the body that are sent, as encoded; at most all but the last.
        sent: usize,
    },
    /// Never answers, until the client goes away or the sandbox is dropped.
    Stall,
    /// The real answer, later.
    Delay(Duration),
    /// The real answer with its JSON edited. Records of `audit_logs` that the
    /// editor leaves alone keep their exact text; an answer that is not JSON is
    /// not edited. [`Answer::edit`] makes one of a closure.
    Edit(Arc<Editor>),
    /// The real answer with the bytes of its body edited, before it is compressed.
    EditText(Arc<Bytes>),
    /// The real answer, compressed in any case, with the compressed bytes edited.
    EditGzip(Arc<Bytes>),
    /// The real answer, its body in so many pieces of equal size.
    Drip {
        /// How many; fewer if the body has fewer bytes.
        pieces: usize,
        /// Time before each.
        pause: Duration,
    },
}

impl Answer {
    /// The real JSON answer, edited by the closure.
    pub fn edit(editor: impl Fn(Value) -> Value + Send + Sync + 'static) -> Self {
        Self::Edit(Arc::new(editor))
    }

    /// The real answer, the bytes of its body edited by the closure.
    pub fn edit_text(editor: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::EditText(Arc::new(editor))
    }

    /// The real answer, the bytes of its compressed body edited by the closure.
    pub fn edit_gzip(editor: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::EditGzip(Arc::new(editor))
    }

    /// A JSON answer with this status, without further headers.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        Self::Reply {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for Answer {
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
