//! A sync, and what happens to it: its configuration, faults of the server, the consumer, the end that it
//! meets, and what the platform hands to the next one.

/// How the connector signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A token that lasts.
    Pasted,
    /// Tokens that the connector fetches.
    ClientCredentials,
    /// Pairs that can be used once.
    Rotating,
}

/// What goes wrong with one attempt of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// This status, with `Retry-After` in seconds.
    Status(u16, Option<u32>),
    /// 429, with `Retry-After` in seconds.
    Refused(Option<u32>),
    /// The connection cannot be made.
    NoConnection,
    /// The connection breaks before the response; the server has done its part.
    Dropped,
    /// No response in time; the server has done its part.
    Stalled,
    /// The first half of the body.
    HalfBody,
    /// 200 with an HTML page.
    Html,
    /// 200 with an empty body.
    Empty,
    /// 200 with JSON that is no page.
    OtherJson,
    /// A body over the limit.
    TooLarge,
    /// The cursor of the request is refused.
    CursorRefused,
    /// `has_more: true` without a cursor.
    CursorMissing,
    /// The cursor of the request comes again.
    CursorRepeated,
    /// No records, but `has_more: true` and a cursor to the same place.
    EmptyPage,
    /// `has_more: false` beside a link to the next page, although there are more.
    FalseEnd,
    /// A record of the page comes twice.
    RecordTwice,
    /// Two records have changed places.
    Swapped,
    /// A record of the page is missing, this time. It is not drawn: a short sync does not notice it.
    Omitted,
    /// The access token has been revoked.
    TokenRevoked,
    /// A long wait before a good response, in seconds.
    Slow(u32),
    /// 401, 403, 404, 422: it stays so for the rest of the sync.
    Refusing(u16),
}

impl Fault {
    /// If the attempt fails.
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

    /// Returns the seconds that it asks to wait.
    #[must_use]
    pub fn retry_after(self) -> u32 {
        match self {
            Self::Status(_, after) | Self::Refused(after) => after.unwrap_or(0),
            _ => 0,
        }
    }

    /// If a page leads nowhere.
    #[must_use]
    pub fn misleads(self) -> bool {
        matches!(
            self,
            Self::CursorRefused | Self::CursorMissing | Self::CursorRepeated | Self::EmptyPage | Self::FalseEnd
        )
    }
}

/// The moment at which something happens to a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// After so many milliseconds.
    Time(u64),
    /// When so many requests have been sent.
    Request(u32),
    /// When so many bytes have been written.
    Byte(usize),
}

/// What is lost of what stands in the pipe at a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing.
    Nothing,
    /// Its second half.
    Half,
    /// All of it.
    Everything,
}

/// What ends a sync before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// kill -9.
    Kill(Lost),
    /// SIGTERM.
    Term,
    /// The consumer closes the pipe.
    Close,
}

/// How the consumer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// At once.
    Quick,
    /// So many bytes every so many milliseconds.
    Slow(usize, u64),
    /// At once, but from some byte on not for so many seconds.
    Stops(usize, u64),
}

/// Which STATE the next sync gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandBack {
    /// The last one.
    Last,
    /// So many before the last one.
    Older(usize),
}

/// The clock of the machine on which the connector runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineClock {
    /// Seconds by which it is ahead.
    pub ahead: i64,
    /// How much too fast it is, in parts per million.
    pub drift: i64,
    /// After so many milliseconds it jumps by so many seconds.
    pub jump: Option<(u64, i64)>,
}

/// A sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// `num_workers`
    pub workers: Option<u32>,
    /// `lookback_window_minutes`
    pub lookback: u32,
    /// `rate_limit_percentage`
    pub percentage: u32,
    /// What goes wrong, by the number of the attempt.
    pub faults: Vec<(u32, Fault)>,
    /// Milliseconds that most responses take.
    pub latency: u32,
    /// Of a thousand responses, how many take far longer.
    pub tail: u32,
    /// The machine's clock.
    pub clock: MachineClock,
    /// How stdout is read.
    pub consumer: Consumer,
    /// Bytes that the pipe holds.
    pub pipe: usize,
    /// What ends it.
    pub ending: Option<(Trigger, Ending)>,
    /// What the next sync gets.
    pub hand_back: HandBack,
    /// Seconds until the next sync begins.
    pub gap: i64,
}

impl Sync {
    /// A sync in which nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            workers: Some(1),
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

    /// The look-back, in seconds.
    #[must_use]
    pub fn lookback_seconds(&self) -> i64 {
        i64::from(self.lookback) * 60
    }
}
