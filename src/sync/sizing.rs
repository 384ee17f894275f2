//! The largest size of a request: a size to which the server has failed to respond is not requested again
//! soon.
//!
//! A request can be too heavy because of the time span of its filter, the depth of its cursor or the number
//! of records in a page. The response does not show which one is the cause, so all three limits shrink, and
//! they recover independently. This file must not know windows or requests; it only keeps the three limits.

/// The divisor of a span that failed, and the factor of a span that grows. Ten steps reduce fifty years to
/// one second.
const SPAN_DIVISOR: i64 = 8;
/// The number of successful pages after which a limit grows.
const GROW_AFTER: u32 = 20;
/// The number of successful pages after which a size that failed may be tried again.
const FORGET_AFTER: u32 = 1_000;
/// The initial number of successful pages after which a span that failed may be tried again. Trying a longer
/// span costs two requests. It must be small because an outage of the server also reduces spans, and these
/// must not stay at seconds for the rest of a day.
const FORGET_SPAN_AFTER: u32 = 40;
/// If pages have more records than this, the page size shrinks before the span, because it is the more likely
/// cause.
const SMALL_PAGE: u32 = 100;
/// The shortest span of a request, in seconds.
pub const SHORTEST_SPAN: i64 = 1;
/// The smallest page, in records.
pub const SMALLEST_PAGE: i64 = 1;

/// A limit that shrinks with failures and grows with successes.
#[derive(Clone, Copy, Debug)]
struct Limit {
    most: i64,
    now: i64,
    /// The largest size that has succeeded since it failed.
    good: i64,
    /// The smallest size that has failed recently.
    failed: Option<i64>,
    /// The largest size that has succeeded since the last failure.
    proven: i64,
}

impl Limit {
    fn new(most: i64) -> Self {
        Self { most, now: most, good: 0, failed: None, proven: 0 }
    }

    fn succeed(&mut self, size: i64) {
        self.proven = self.proven.max(size);
        if self.failed.is_some() {
            self.good = self.good.max(size.min(self.now));
        }
    }

    fn fail(&mut self, size: i64, divisor: i64, least: i64) {
        // A size that has just succeeded must fail twice: otherwise, random failures would reduce the limit
        // to the smallest request.
        if std::mem::take(&mut self.proven) >= size {
            return;
        }
        self.failed = Some(self.failed.map_or(size, |failed| failed.min(size)));
        // A size that succeeded earlier may be too large now.
        let smaller = if self.good < size { self.good.max(size / divisor) } else { size / divisor };
        self.good = self.good.min(smaller);
        self.now = self.now.min(smaller.max(least));
    }

    /// Grows to at most halfway between the limit and the size that failed. It stops within a quarter of that
    /// size, because a closer one would fail repeatedly.
    fn grow(&mut self, factor: i64) {
        let ceiling = match self.failed {
            None => self.most,
            Some(failed) if failed - self.now <= failed / 4 => self.now,
            Some(failed) => self.now.midpoint(failed),
        };
        self.now = self.now.max(self.now.saturating_mul(factor).min(ceiling).min(self.most));
    }

    fn forget(&mut self) {
        self.failed = None;
        self.good = 0;
    }
}

/// The limits of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Sizing {
    /// In seconds.
    span: Limit,
    /// In pages.
    depth: Limit,
    /// In records.
    page: Limit,
    /// The number of successful pages since the last failure or growth, since the last failure, and since the
    /// last trial of a longer span.
    good: u32,
    good_since_failure: u32,
    good_since_trial: u32,
    /// The number of successful pages after which a span that failed may be tried again. It doubles after
    /// each trial that fails, and halves after each one that succeeds.
    forget_span_after: u32,
    /// The limit of spans before the trial of a span that had failed.
    before_trial: Option<Limit>,
    /// `true` if the span was the last one of span and page size to shrink.
    span_shrank: bool,
}

/// The size of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestSize {
    /// The time span of the filter, in seconds.
    pub span: i64,
    /// The number of pages before its cursor.
    pub depth: u32,
    /// `page[size]`
    pub page_size: u32,
}

impl RequestSize {
    /// Returns `true` if there is no smaller request.
    #[must_use]
    pub fn is_smallest(self) -> bool {
        self.span <= SHORTEST_SPAN && self.depth == 0 && self.has_smallest_page()
    }

    /// Returns `true` if the page cannot have fewer records.
    #[must_use]
    pub fn has_smallest_page(self) -> bool {
        i64::from(self.page_size) <= SMALLEST_PAGE
    }
}

impl Sizing {
    /// Creates limits without failures; pages have at most `page_size` records.
    #[must_use]
    pub fn new(page_size: u32) -> Self {
        Self {
            span: Limit::new(i64::MAX),
            depth: Limit::new(i64::MAX),
            page: Limit::new(page_size.into()),
            good: 0,
            good_since_failure: 0,
            good_since_trial: 0,
            forget_span_after: FORGET_SPAN_AFTER,
            before_trial: None,
            span_shrank: page_size > SMALL_PAGE,
        }
    }

    /// Returns the longest span of a window, in seconds.
    #[must_use]
    pub fn span(&self) -> i64 {
        self.span.now
    }

    /// Returns the longest window, in pages.
    #[must_use]
    pub fn depth(&self) -> i64 {
        self.depth.now
    }

    /// Returns the largest number of records of a page.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        u32::try_from(self.page.now).unwrap_or(u32::MAX)
    }

    /// Registers a successful page with this number of records. The success of a page that is not full does
    /// not prove that a full one succeeds.
    pub fn succeeded(&mut self, asked: RequestSize, records: usize) {
        self.page.succeed(i64::try_from(records).unwrap_or(i64::MAX).min(asked.page_size.into()));
        if asked.depth == 0 {
            self.span.succeed(asked.span);
            if self.before_trial.is_some_and(|before| asked.span > before.now) {
                self.before_trial = None;
                self.forget_span_after = (self.forget_span_after / 2).max(FORGET_SPAN_AFTER);
            }
        }
        self.good_since_failure = self.good_since_failure.saturating_add(1);
        self.good_since_trial = self.good_since_trial.saturating_add(1);
        if self.good_since_trial >= self.forget_span_after {
            self.good_since_trial = 0;
            self.before_trial = self.span.failed.is_some().then_some(self.span);
            self.span.forget();
        }
        if self.good_since_failure == FORGET_AFTER {
            self.depth.forget();
            self.page.forget();
        }
        self.good += 1;
        if self.good >= GROW_AFTER {
            self.good = 0;
            self.span.grow(SPAN_DIVISOR);
            self.depth.grow(2);
            self.page.grow(2);
        }
    }

    /// Registers a request to which the server did not respond in time.
    pub fn too_slow(&mut self, asked: RequestSize) {
        if asked.span > self.span.now || i64::from(asked.page_size) > self.page.now {
            // Another request in flight has already reduced the limit.
            return;
        }
        if asked.depth == 0
            && let Some(before) = self.before_trial.take()
            && asked.span / SPAN_DIVISOR <= before.now
        {
            // The trial of a longer span has failed: restores the limits from before it.
            self.span = before;
            self.forget_span_after = (self.forget_span_after * 2).min(FORGET_AFTER);
            self.good = 0;
            self.good_since_trial = 0;
            return;
        }
        self.failed();
        if asked.depth > 0 {
            if asked.span <= SHORTEST_SPAN {
                // A span of one second cannot be split: only larger pages reach its end with a cursor of this depth.
                self.page.forget();
                self.page.grow(2);
            }
            // Deep pages cost the server most, and the earlier pages of the same span succeeded.
            self.depth.fail(asked.depth.into(), 2, 1);
            return;
        }
        // The two shrink in turns, so that neither is reduced to the minimum if the other one is the cause.
        let page_can = i64::from(asked.page_size) > SMALLEST_PAGE;
        self.span_shrank = asked.span > SHORTEST_SPAN && !(self.span_shrank && page_can);
        if self.span_shrank {
            self.span.fail(asked.span, SPAN_DIVISOR, SHORTEST_SPAN);
        } else {
            self.page.fail(asked.page_size.into(), 2, SMALLEST_PAGE);
        }
    }

    /// Registers a page whose body exceeded the size limit.
    pub fn too_large(&mut self, asked: RequestSize) {
        if i64::from(asked.page_size) > self.page.now {
            return;
        }
        self.failed();
        self.page.fail(asked.page_size.into(), 2, SMALLEST_PAGE);
    }

    fn failed(&mut self) {
        self.good = 0;
        self.good_since_failure = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEARS: i64 = 50 * 365 * 86_400;

    fn asked(sizing: &Sizing, span: i64) -> RequestSize {
        RequestSize { span: span.min(sizing.span()), depth: 0, page_size: sizing.page_size() }
    }

    fn full_page(sizing: &mut Sizing, span: i64) {
        let request = asked(sizing, span);
        sizing.succeeded(request, request.page_size as usize);
    }

    #[test]
    fn slow_responses_reduce_the_request_to_the_smallest_within_a_few_failures() {
        let mut sizing = Sizing::new(100);
        let mut failures = 0;
        while !asked(&sizing, YEARS).is_smallest() {
            sizing.too_slow(asked(&sizing, YEARS));
            failures += 1;
            assert!(failures < 25);
        }
        assert_eq!((sizing.span(), sizing.page_size()), (1, 1));
    }

    #[test]
    fn a_page_that_is_too_large_reduces_the_page_size_and_not_the_span() {
        let mut sizing = Sizing::new(100);
        sizing.too_large(asked(&sizing, YEARS));
        assert_eq!((sizing.span(), sizing.page_size()), (i64::MAX, 50));
    }

    #[test]
    fn requests_in_flight_that_fail_together_reduce_the_limits_once() {
        let mut sizing = Sizing::new(2_500);
        let request = asked(&sizing, YEARS);
        for _ in 0..16 {
            sizing.too_slow(request);
        }
        assert_eq!((sizing.span(), sizing.page_size()), (i64::MAX, 1_250));
    }

    #[test]
    fn a_failed_request_with_a_deep_cursor_reduces_only_the_depth() {
        let mut sizing = Sizing::new(100);
        sizing.too_slow(RequestSize { depth: 40, ..asked(&sizing, YEARS) });
        assert_eq!((sizing.span(), sizing.page_size(), sizing.depth()), (i64::MAX, 100, 20));
    }

    #[test]
    fn limits_grow_again_but_stay_below_the_failed_size_for_1_000_pages() {
        let mut sizing = Sizing::new(100);
        sizing.too_large(asked(&sizing, YEARS));
        sizing.too_large(asked(&sizing, YEARS));
        assert_eq!(sizing.page_size(), 25);
        for _ in 0..200 {
            full_page(&mut sizing, 1);
        }
        assert_eq!(sizing.page_size(), 43, "below 50, which failed");
        for _ in 0..FORGET_AFTER {
            full_page(&mut sizing, 1);
        }
        assert_eq!(sizing.page_size(), 100);
    }

    #[test]
    fn an_outage_that_shrank_spans_to_a_second_is_forgotten_within_300_pages() {
        let mut sizing = Sizing::new(100);
        while !asked(&sizing, YEARS).is_smallest() {
            sizing.too_slow(asked(&sizing, YEARS));
        }
        let pages = (1..1_000).find(|_| {
            full_page(&mut sizing, YEARS);
            sizing.span() >= YEARS
        });
        assert!(pages.is_some_and(|pages| pages < 300), "{pages:?}");
    }

    #[test]
    fn a_span_of_seconds_becomes_days_again_although_one_response_in_eight_is_late() {
        let mut sizing = Sizing::new(100);
        while sizing.span() > 20 {
            sizing.too_slow(asked(&sizing, YEARS));
        }
        sizing.forget_span_after = 320;
        let mut random = 1_u64;
        let mut is_late = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33).is_multiple_of(8)
        };
        for _ in 0..3_000 {
            let request = asked(&sizing, YEARS);
            // The plan sends a request again before it reduces it.
            if is_late() && is_late() {
                sizing.too_slow(request);
            } else {
                sizing.succeeded(request, 1);
            }
        }
        assert!(sizing.span() >= 30 * 86_400, "{} s", sizing.span());
    }

    #[test]
    fn spans_that_are_always_too_long_are_tried_less_often_each_time() {
        let mut sizing = Sizing::new(100);
        let (mut failures, month) = (0, 30 * 86_400);
        for _ in 0..10_000 {
            let request = asked(&sizing, YEARS);
            if request.span > month {
                failures += 1;
                sizing.too_slow(request);
            } else {
                sizing.succeeded(request, 100);
            }
        }
        assert!(failures < 80, "{failures} of 10,000 requests failed");
        assert!(sizing.span() > month / 8, "{}", sizing.span());
    }

    #[test]
    fn a_heavy_window_is_read_although_light_ones_around_it_succeed() {
        let mut sizing = Sizing::new(2_500);
        let failures = (0..100).find(|_| {
            sizing.succeeded(asked(&sizing, 3_600), 3);
            let heavy = asked(&sizing, 3_600);
            sizing.too_slow(heavy);
            heavy.page_size <= 160
        });
        assert!(failures.is_some_and(|failures| failures < 12), "{failures:?}");
    }

    #[test]
    fn large_pages_shrink_before_spans() {
        let mut sizing = Sizing::new(2_500);
        sizing.too_slow(asked(&sizing, YEARS));
        assert_eq!((sizing.span(), sizing.page_size()), (i64::MAX, 1_250));
    }

    #[test]
    fn random_failures_do_not_reduce_requests() {
        let mut sizing = Sizing::new(100);
        for request in 0..10_000 {
            let request_asks = asked(&sizing, YEARS);
            if request % 30 == 29 { sizing.too_slow(request_asks) } else { sizing.succeeded(request_asks, 100) }
        }
        assert_eq!((sizing.span(), sizing.page_size()), (i64::MAX, 100));
    }
}
