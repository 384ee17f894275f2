//! The quota: the number of requests of a sync in any minute.

use super::{Kind, Violation, Watch};
use crate::scenario::{Limits, Sync};

const MINUTE: i64 = 60_000;

/// Returns a violation if the pace of a sync exceeds the quota.
#[must_use]
pub fn exceeded(watch: &Watch, limits: &Limits, sync: &Sync) -> Option<Violation> {
    if !limits.reported {
        return None;
    }
    // Requests before the limit was known do not count, nor those that were allowed under another limit.
    let limit = watch.limits.iter().map(|(_, limit)| *limit).max()?;
    // A single outlier has no effect: a limit applies after two responses have reported it.
    let after = |learned: &[usize]| learned.get(1).copied().unwrap_or(usize::MAX);
    let attempts = watch.attempts.iter().copied().zip(watch.on_endpoint.iter().copied());
    let share = |limit: u32| f64::from(limit) * f64::from(sync.percentage) / 100.0;
    let of_account: Vec<i64> = attempts.clone().skip(after(&watch.learned)).map(|(at, _)| at).collect();
    let of_endpoint: Vec<i64> = attempts
        .skip(after(&watch.learned_endpoint))
        .filter(|(_, on_endpoint)| *on_endpoint)
        .map(|(at, _)| at)
        .collect();
    let endpoint = limits.endpoint.and_then(|limit| too_many(&of_endpoint, share(limit)));
    too_many(&of_account, share(limit)).or(endpoint)
}

fn too_many(attempts: &[i64], quota: f64) -> Option<Violation> {
    let mut first = 0;
    for (index, at) in attempts.iter().enumerate() {
        while attempts[first] <= at - MINUTE {
            first += 1;
        }
        let sent = u32::try_from(index - first + 1).unwrap_or(u32::MAX);
        if f64::from(sent) > quota.max(1.0) {
            let description = format!("{sent} requests in a minute, the quota is {quota}");
            return Some(Violation::new(Kind::QuotaExceeded, description));
        }
    }
    None
}
