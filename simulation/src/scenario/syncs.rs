//! A sync and its events: its configuration, faults of the server, the consumer, its end, and the state for
//! the next sync.

/// The authentication of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A token that does not expire.
    Pasted,
    /// Tokens that the connector requests.
    ClientCredentials,
    /// Pairs that can be used once.
    Rotating,
}

/// The sync mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each sync continues from the state of the previous sync.
    Incremental,
    /// A sync after a complete one has no state.
    FullRefresh,
}

/// The fault of one attempt of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// This status, with `Retry-After` in seconds.
    Status(u16, Option<u32>),
    /// 429, with `Retry-After` in seconds.
    Refused(Option<u32>),
    /// The connection cannot be made.
    NoConnection,
    /// The connection breaks before the response; the server has processed the request.
    Dropped,
    /// No response in time; the server has processed the request.
    Stalled,
    /// The first half of the body.
    HalfBody,
    /// 200 with an HTML page.
    Html,
    /// 200 with an empty body.
    Empty,
    /// 200 with JSON that is not a page.
    OtherJson,
    /// A body over the limit.
    TooLarge,
    /// The cursor of the request is refused.
    CursorRefused,
    /// `has_more: true` without a cursor.
    CursorMissing,
    /// The cursor of the request is returned again.
    CursorRepeated,
    /// No records, but `has_more: true` and a cursor to the same place.
    EmptyPage,
    /// `has_more: false` with a link to the next page, although there are more.
    FalseEnd,
    /// A record of the page is repeated.
    RecordTwice,
    /// Two records are swapped.
    Swapped,
    /// A record of the page is missing, this time. It is not drawn: a short sync does not notice it.
    Omitted,
    /// The access token has been revoked.
    TokenRevoked,
    /// A long wait before a good response, in seconds.
    Slow(u32),
    /// 401, 403, 404, 422 for the rest of the sync.
    Refusing(u16),
}

impl Fault {
    /// Returns `true` if the attempt fails.
    #[must_use]
    pub fn fails(self) -> bool {
        !matches!(
            self,
            Self::CursorRefused
                | Self::CursorMissing
                | Self::CursorRepeated
                | Self::EmptyPage
                | Self::FalseEnd
                | Self::RecordTwice
                | Self::Swapped
                | Self::Omitted
                | Self::TokenRevoked
                | Self::Slow(_)
        )
    }

    /// Returns the requested wait, in seconds.
    #[must_use]
    pub fn retry_after(self) -> u32 {
        match self {
            Self::Status(_, after) | Self::Refused(after) => after.unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns `true` if the page has a broken cursor.
    #[must_use]
    pub fn misleads(self) -> bool {
        matches!(
            self,
            Self::CursorRefused | Self::CursorMissing | Self::CursorRepeated | Self::EmptyPage | Self::FalseEnd
        )
    }
}

/// The trigger of an event during a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// After this number of milliseconds.
    Time(u64),
    /// After this number of requests.
    Request(u32),
    /// After this number of written bytes.
    Byte(usize),
}

/// The part of the pipe's content that is lost at a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing.
    Nothing,
    /// The second half.
    Half,
    /// Everything.
    Everything,
}

/// An early end of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL.
    Kill(Lost),
    /// SIGTERM.
    Term,
    /// The consumer closes the pipe.
    Close,
}

/// The behavior of the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// Reads at once.
    Quick,
    /// Reads this number of bytes at this interval in milliseconds.
    Slow(usize, u64),
    /// Reads at once, but pauses at a certain byte for this number of seconds.
    Stops(usize, u64),
}

/// The STATE for the next sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandBack {
    /// The last one.
    Last,
    /// This number before the last one.
    Older(usize),
}

/// The clock of the connector's machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineClock {
    /// The offset, ahead of true time, in seconds.
    pub ahead: i64,
    /// The drift, in parts per million.
    pub drift: i64,
    /// A jump after this number of milliseconds, by this number of seconds.
    pub jump: Option<(u64, i64)>,
}

/// A sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// `num_workers`
    pub workers: Option<u32>,
    /// `start_date`, in seconds since 1970.
    pub start_date: Option<i64>,
    /// The largest page that the connector requests, if smaller than the server's limit.
    pub page_size: Option<u32>,
    /// `lookback_window_minutes`
    pub lookback: u32,
    /// `rate_limit_percentage`
    pub percentage: u32,
    /// The faults, by the number of the attempt.
    pub faults: Vec<(u32, Fault)>,
    /// The latency of most responses, in milliseconds.
    pub latency: u32,
    /// The number of much slower responses, per thousand.
    pub tail: u32,
    /// The machine's clock.
    pub clock: MachineClock,
    /// The behavior of the consumer.
    pub consumer: Consumer,
    /// The capacity of the pipe, in bytes.
    pub pipe: usize,
    /// An early end.
    pub ending: Option<(Trigger, Ending)>,
    /// The STATE for the next sync.
    pub hand_back: HandBack,
    /// The seconds until the next sync begins.
    pub gap: i64,
}

impl Sync {
    /// Returns a sync without failures.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            workers: Some(1),
            start_date: None,
            page_size: None,
            lookback: 10,
            percentage: 100,
            faults: Vec::new(),
            latency: 1,
            tail: 0,
            clock: MachineClock::default(),
            consumer: Consumer::Quick,
            pipe: 65_536,
            ending: None,
            hand_back: HandBack::Last,
            gap: 0,
        }
    }

    /// Returns the look-back, in seconds.
    #[must_use]
    pub fn lookback_seconds(&self) -> i64 {
        i64::from(self.lookback) * 60
    }
}
