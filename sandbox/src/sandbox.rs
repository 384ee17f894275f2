//! The handle on a running sandbox: starts it, looks into it, changes it, stops
//! it. Works from synchronous and asynchronous code: the server has a thread and
//! a runtime of its own.

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
    interfere::SeenRequest,
    oauth::TokenRequests,
    options::{Account, Options},
    routes::{Zendesk, locked},
    server::{self, Server},
    special::Special,
    traffic::Traffic,
};

/// Event numbers are packed into 40 bits; half of them are left for arrivals.
const MAX_EVENTS: u64 = 1 << 39;

/// A running sandbox. Dropping it closes all connections and stops its thread.
#[derive(Debug)]
pub struct Sandbox {
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Makes the events, binds the port on 127.0.0.1 and serves; the port is bound
    /// when this returns.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when less than a second lies between `from` and `to`, for more
    /// than 2^39 events, or if more events are special than there are; else whatever binding the port or starting the thread
    /// came to.
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
        let (tell, told) = std::sync::mpsc::channel();
        let shared = Arc::clone(&server);
        let thread = thread::Builder::new().name("zendesk-sandbox".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let outcome = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    let _ = tell.send(Ok(()));
                    server::serve(shared, listener, stopped).await;
                    Ok(())
                })
            });
            if let Err(error) = outcome {
                let _ = tell.send(Err(error));
            }
        })?;
        told.recv().unwrap_or_else(|_| Err(io::Error::other("the server's thread ended")))?;
        Ok(Self { server, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.zendesk.base_url.clone()
    }

    /// All requests so far, or since [`Sandbox::clear_requests`], as they arrived.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        locked(&self.server.seen).clone()
    }

    /// Requests by kind and answers by outcome, since the start or the last
    /// [`Sandbox::reset_traffic`].
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        *locked(&self.server.zendesk.traffic)
    }

    /// Forgets the requests. Their numbers go on, and so does [`Sandbox::traffic`].
    pub fn clear_requests(&self) {
        locked(&self.server.seen).clear();
    }

    /// Sets the counters of [`Sandbox::traffic`] to zero.
    pub fn reset_traffic(&self) {
        *locked(&self.server.zendesk.traffic) = Traffic::default();
    }

    /// Number of events, arrivals included.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        let store = self.server.zendesk.store.read().unwrap_or_else(PoisonError::into_inner);
        store.len() as u64
    }

    /// The truth: the JSON text of every event as it is served, on one line, without
    /// white space between tokens ([`compact`](crate::compact) brings what was
    /// served into this form). Ascending by time; all texts differ.
    #[must_use]
    pub fn records(&self) -> Vec<String> {
        self.server.zendesk.records()
    }

    /// Events arrive now, with a `created_at` in the whole seconds of `from..to`
    /// (in `from`'s when there is none), before or after those that are there.
    /// Returns their texts as [`Sandbox::records`] does.
    #[expect(clippy::must_use_candidate, reason = "many only want the events to be there")]
    pub fn add_events(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        self.server.zendesk.add_events(count, from, to)
    }

    /// The JSON text of every access log record, as [`Sandbox::records`] gives those of the
    /// audit log: ascending by id, including those that are past retention.
    #[must_use]
    pub fn access_records(&self) -> Vec<String> {
        self.server.zendesk.access.records()
    }

    /// Adds access log records with a `timestamp` in the whole seconds of `from..to`, and
    /// returns their texts, ascending by id.
    #[expect(clippy::must_use_candidate, reason = "many only want the records to be there")]
    pub fn add_access_events(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        self.server.zendesk.access.add(count, from, to)
    }

    /// Other faults from the next request on, which is number 1 for them.
    pub fn set_faults(&self, faults: Faults) {
        self.server.set_faults(faults);
    }

    /// How often each kind of fault has struck so far. One that found nothing to spoil,
    /// such as no cursor on a last page, has not.
    #[must_use]
    pub fn faults_struck(&self) -> BTreeMap<Fault, u64> {
        self.server.faults_struck()
    }

    /// What the server takes for the present, without `clock_offset` and faults.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.server.now()
    }

    /// The server's time moves on by this, for good.
    pub fn advance_clock(&self, time: SignedDuration) {
        self.server.advance_clock(time);
    }

    /// How many tokens were issued by each grant, and how many requests refused.
    #[must_use]
    pub fn token_requests(&self) -> TokenRequests {
        locked(&self.server.zendesk.oauth).requests
    }

    /// Every access and refresh token issued so far, dead or alive, for searches in
    /// outputs. The fixed ones are in
    /// [`credentials::SECRETS`](crate::credentials::SECRETS).
    #[must_use]
    pub fn issued_secrets(&self) -> Vec<String> {
        locked(&self.server.zendesk.oauth).secrets.clone()
    }

    /// All issued access tokens die at once. Refresh tokens and the fixed access
    /// tokens live on.
    pub fn revoke_tokens(&self) {
        locked(&self.server.zendesk.oauth).revoke();
    }

    /// The account becomes another from the next answer on.
    pub fn set_account(&self, account: Account) {
        *locked(&self.server.zendesk.account) = account;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}
