//! The handle of a running sandbox: starts, inspects, changes and stops it. The server has
//! its own thread and runtime, so the handle works in synchronous and asynchronous code.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, PoisonError},
    thread::{self, JoinHandle},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::{
    fault::{Fault, Faults},
    lock::lock,
    oauth::TokenRequests,
    options::{Account, Options},
    response_hook::SeenRequest,
    routes::Zendesk,
    server::{self, Server},
    special::Special,
    traffic::Traffic,
};

/// Event numbers have 40 bits. Half of them are reserved for added events.
const MAX_EVENTS: u64 = 1 << 39;

/// A running sandbox. Dropping it closes all connections and stops its thread.
#[derive(Debug)]
pub struct Sandbox {
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Creates the events, binds the port on 127.0.0.1, and starts to serve. The port is
    /// bound when this returns.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is less than a second between `from` and `to`, if there are more
    /// than 2^39 events, or if more events are displaced, duplicated or misdated than there
    /// are. Otherwise the error of binding the port or starting the thread.
    pub fn start(options: Options) -> io::Result<Self> {
        let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if options.from.as_second() >= options.to.as_second() {
            return invalid("`from` must be before `to`");
        }
        if options.events > MAX_EVENTS || options.access_logs.events > MAX_EVENTS {
            return invalid("too many events");
        }
        if Special::count(&options.order, &options.dates) > options.events {
            return invalid("more events are displaced, duplicated or misdated than there are");
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let server = Arc::new(Server::new(Zendesk::new(options, base_url)));
        let (stop, stopped) = oneshot::channel();
        let (report, started) = std::sync::mpsc::channel();
        let shared = Arc::clone(&server);
        let thread = thread::Builder::new().name("zendesk-sandbox".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let outcome = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    let _ = report.send(Ok(()));
                    server::serve(shared, listener, stopped).await;
                    Ok(())
                })
            });
            if let Err(error) = outcome {
                let _ = report.send(Err(error));
            }
        })?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("the server's thread ended")))?;
        Ok(Self { server, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns `http://127.0.0.1:PORT`, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.zendesk.base_url.clone()
    }

    /// Returns the requests since the start or the last [`Sandbox::clear_requests`], in
    /// order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.server.seen).clone()
    }

    /// Returns the number of requests by kind and of responses by outcome, since the start or
    /// the last [`Sandbox::reset_traffic`].
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        *lock(&self.server.zendesk.traffic)
    }

    /// Clears the list of requests. Request numbers and [`Sandbox::traffic`] continue.
    pub fn clear_requests(&self) {
        lock(&self.server.seen).clear();
    }

    /// Sets the counters of [`Sandbox::traffic`] to zero.
    pub fn reset_traffic(&self) {
        *lock(&self.server.zendesk.traffic) = Traffic::default();
    }

    /// Returns the number of events, including added ones.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        let store = self.server.zendesk.store.read().unwrap_or_else(PoisonError::into_inner);
        store.len() as u64
    }

    /// Returns the JSON of every event, ascending by time, on one line and without white
    /// space between tokens. [`compact`](crate::compact) converts served records to this
    /// form. All are different.
    #[must_use]
    pub fn records(&self) -> Vec<String> {
        self.server.zendesk.records()
    }

    /// Adds events with a `created_at` in the whole seconds of `from..to`, or in the second
    /// of `from` if there are none. Returns their JSON in the form of [`Sandbox::records`].
    #[expect(clippy::must_use_candidate, reason = "many callers do not need the records")]
    pub fn add_events(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        self.server.zendesk.add_events(count, from, to)
    }

    /// Returns the JSON of every access log record in the form of [`Sandbox::records`],
    /// ascending by id. Includes records that are past retention.
    #[must_use]
    pub fn access_records(&self) -> Vec<String> {
        self.server.zendesk.access.records()
    }

    /// Adds access log records with a `timestamp` in the whole seconds of `from..to`.
    /// Returns their JSON, ascending by id.
    #[expect(clippy::must_use_candidate, reason = "many callers do not need the records")]
    pub fn add_access_events(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        self.server.zendesk.access.add(count, from, to)
    }

    /// Replaces the faults. The next request is number 1 for them.
    pub fn set_faults(&self, faults: Faults) {
        self.server.set_faults(faults);
    }

    /// Returns how often each kind of fault has been injected. A fault that did not apply,
    /// such as a cursor fault on a last page, is not counted.
    #[must_use]
    pub fn faults_injected(&self) -> BTreeMap<Fault, u64> {
        self.server.faults_injected()
    }

    /// Returns the server's time, without `clock_offset` and faults.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.server.now()
    }

    /// Advances the server's clock.
    pub fn advance_clock(&self, time: SignedDuration) {
        self.server.advance_clock(time);
    }

    /// Returns how many tokens each grant has issued, and how many requests were refused.
    #[must_use]
    pub fn token_requests(&self) -> TokenRequests {
        lock(&self.server.zendesk.oauth).requests
    }

    /// Returns every issued access token, refresh token and authorization code, valid or
    /// not, to search for in outputs. The fixed ones are in
    /// [`credentials::SECRETS`](crate::credentials::SECRETS).
    #[must_use]
    pub fn issued_secrets(&self) -> Vec<String> {
        lock(&self.server.zendesk.oauth).secrets.clone()
    }

    /// Revokes all issued access tokens. Refresh tokens and the fixed access tokens stay
    /// valid.
    pub fn revoke_tokens(&self) {
        lock(&self.server.zendesk.oauth).revoke();
    }

    /// Changes the account from the next response on.
    pub fn set_account(&self, account: Account) {
        *lock(&self.server.zendesk.account) = account;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has reported its own panic.
            let _ = thread.join();
        }
    }
}
