//! What may be shown of a request and its answer: no header but three harmless ones, no body, no secret.
//!
//! It must not look into what an answer means.

use std::time::Duration;

use reqwest::{Method, Url};

use super::answer::Answer;
use super::budget::Limit;
use super::transport::Outgoing;
use crate::secret::Eraser;

/// Characters of a cursor that are shown at either end: enough to tell cursors apart.
const SHOWN_CURSOR: usize = 8;

/// One try of a request, for whoever wants to follow each of them.
#[derive(Debug)]
pub struct Tried {
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query, decoded, cursors shortened.
    pub target: String,
    /// The answer, or the words of what went wrong below HTTP.
    pub outcome: Result<Answered, String>,
    /// From the beginning of the request to the end of the answer.
    pub took: Duration,
}

/// An answer, from outside.
#[derive(Debug)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// Of the body, after decompression.
    pub bytes: usize,
    /// `X-Zendesk-Request-Id`
    pub request_id: Option<String>,
    /// Requests a minute that the account may make.
    pub limit: Option<u32>,
    /// What is left of them.
    pub remaining: Option<u32>,
}

impl Tried {
    /// What may be shown of a try that ended with an answer, or with an error in words.
    #[must_use]
    pub fn new(request: &Outgoing, answer: Result<&Answer, &str>, took: Duration, eraser: &Eraser) -> Self {
        let clean = |text: &str| eraser.erase(text).into_owned();
        let outcome = match answer {
            Err(words) => Err(clean(words)),
            Ok(answer) => {
                let Limit { requests, remaining, .. } = Limit::of(answer);
                Ok(Answered {
                    status: answer.status,
                    bytes: answer.body.len(),
                    request_id: answer.header("x-zendesk-request-id").map(clean),
                    limit: requests,
                    remaining,
                })
            }
        };
        Self { method: request.method(), target: clean(&target(&request.url)), outcome, took }
    }
}

fn target(url: &Url) -> String {
    let pairs = url.query_pairs().map(|(name, value)| {
        if name == "page[after]" && value.len() > 3 * SHOWN_CURSOR {
            let begin = &value[..value.floor_char_boundary(SHOWN_CURSOR)];
            let end = &value[value.ceil_char_boundary(value.len() - SHOWN_CURSOR)..];
            format!("{name}={begin}…{end}")
        } else {
            format!("{name}={value}")
        }
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { url.path().to_owned() } else { format!("{}?{query}", url.path()) }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_try_is_shown_without_credentials_bodies_and_whole_cursors() {
        let eraser = Eraser::default();
        eraser.add("s3cr3t-token");
        let url = "https://acme.zendesk.com/api/v2/audit_logs?page%5Bsize%5D=100&x=s3cr3t-token&page%5Bafter%5D=ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut authorization = HeaderValue::from_static("Bearer s3cr3t-token");
        authorization.set_sensitive(true);
        let request = Outgoing::get(url.parse().expect("a URL"), authorization);
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-rate-limit", "700"), ("x-rate-limit-remaining", "699"), ("x-zendesk-request-id", "r1")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let answer = Answer { status: 200, headers, body: b"s3cr3t body".to_vec() };
        let tried = Tried::new(&request, Ok(&answer), Duration::from_millis(5), &eraser);
        assert_eq!(tried.target, "/api/v2/audit_logs?page[size]=100&x=(redacted)&page[after]=ABCDEFGH…STUVWXYZ");
        let answered = tried.outcome.as_ref().expect("an answer");
        assert_eq!((answered.status, answered.bytes), (200, 11));
        assert_eq!((answered.limit, answered.remaining), (Some(700), Some(699)));
        assert_eq!(answered.request_id.as_deref(), Some("r1"));
        assert!(!format!("{tried:?}").contains("s3cr3t"));

        let tried = Tried::new(&request, Err("s3cr3t-token: refused"), Duration::ZERO, &eraser);
        assert_eq!(tried.outcome.expect_err("no answer"), "(redacted): refused");
    }
}
