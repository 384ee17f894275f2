//! Scenarios: fixed events in addition to the seeded ones. Each is written for a detection
//! in `analytics/`: events that must raise an alert, and similar ones that must not.
//!
//! This file describes events only. The expected alerts are in
//! `analytics/tests/expected_alerts.csv`.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    event::Event,
    vocabulary::{Kind, kind},
};

/// Fixed events in addition to the seeded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Security-relevant events of January 2025, and similar harmless ones
    Security,
}

/// First event number of the scenario. It uses the last 1,024 numbers of 40 bits, which
/// seeded events never reach.
const FIRST_NUMBER: u64 = (1 << 40) - 1_024;
/// Monday, 2025-01-06T09:00:00Z.
const START: i64 = 1_736_154_000;
const DAY: i64 = 86_400;
/// `source_id` of scene 0. Scene n has this plus n, so that a test can identify it.
const FIRST_SOURCE_ID: i64 = 900_000_000_000;
/// The people of the scenario. Their indexes follow those of the vocabulary.
pub(crate) const PEOPLE: &[&str] = &["Ada Admin", "Otto Agent", "Eve Example"];
const ADA: usize = 0;
const OTTO: usize = 1;
const EVE: usize = 2;

/// One fixed event.
#[derive(Debug)]
struct Scene {
    /// Seconds after [`START`]. On the first day the index in the list determines the time.
    at: i64,
    /// Index in [`PEOPLE`].
    person: usize,
    /// Last part of the address 198.51.100.x, which seeded events never use.
    address: u8,
    kind: Kind,
}

macro_rules! scenes {
    ($($person:ident $action:literal $source_type:literal $label:literal $description:literal,)*) => {
        &[$(scene($person, kind($action, "Updated", $source_type, $label, $description)),)*]
    };
}

const fn scene(person: usize, kind: Kind) -> Scene {
    Scene { at: 0, person, address: 1, kind }
}

/// Events of the first day, one a minute.
#[rustfmt::skip]
const SCENES: &[Scene] = scenes![
    ADA "update" "user" "Otto Agent" "Role changed from Agent to Administrator",
    ADA "update" "user" "Otto Agent" r"Support role changed from Agent to Admin\nGuide role changed from not set to Viewer",
    ADA "update" "user" "Otto Agent" "Rolle geändert von Agent in Administrator",
    ADA "update" "user" "Eve Example" "Role changed from Administrator to Agent",
    ADA "update" "user" "Eve Example" "Role changed from Agent to Administrator (billing)",
    ADA "update" "user" "Eve Example" "Organization: Administrators is assigned",
    ADA "update" "account" "Account: Account" "Owner changed from Ada Admin to Eve Example",
    ADA "update" "account" "Account: Account" "Plan type changed from Growth to Enterprise",
    ADA "update" "permission_set" "Role: Agent" "Role changed from Agent to Administrator",
    ADA "update" "organization" "Organization: Acme" "Details changed from role to owner",
    ADA "create" "api_token" "API token: export" "description changed from not set to export",
    ADA "create" "apitoken" "API token: import" "",
    ADA "create" "oauth_client" "OAuth client: pipeline" "identifier changed from not set to pipeline",
    ADA "update" "api_token" "API token: export" "description changed from export to exports",
    ADA "destroy" "oauth_client" "OAuth client: pipeline" "",
    ADA "update" "account_setting" "Require Two Factor" "Disabled",
    ADA "create" "account_setting" "Two-Factor authentication for all admins and agents" "Disabled",
    ADA "update" "account_setting" "Require Two Factor" "Enabled",
    ADA "update" "account_setting" "Exiger l'authentification à deux facteurs" "Désactivé",
    OTTO "exported" "ticket" "Tickets" "Ticket export of 5000 tickets requested by Otto Agent",
    OTTO "update" "ticket_field" "Ticket Field: Exported" "exported changed from no to yes",
    ADA "create" "user_setting" "Suspension state: Eve Example" "Suspended",
    ADA "update" "user_setting" "Suspension state: Eve Example" "Unsuspended",
    ADA "update" "user_setting" "Signature: Eve Example" "Suspended",
    ADA "update" "account_setting" "Account Assumption" "Changed",
    ADA "update" "account_setting" "Account Assumption" "Enabled",
    ADA "update" "account_setting" "Account Appearance" "Changed",
    ADA "create" "account_setting" "Credit Card Redaction" "Disabled",
    ADA "update" "account_setting" "Credit Card Redaction" "Enabled",
    ADA "create" "account_setting" "Zendesk Support Mobile App Access" "Enabled",
    ADA "create" "account_setting" "Zendesk Support Mobile App Access" "Disabled",
    ADA "update" "account_setting" "API Token Access" "Enabled",
    ADA "update" "account_setting" "API Token Access" "Disabled",
    ADA "update" "account_setting" "Single Sign-On: SAML" "SAML SSO URL changed from https://idp.mail.example to https://other.mail.example",
    ADA "update" "account_setting" "SSO bypass" "Changed",
    ADA "update" "account_setting" "Session expiration" "Changed",
    ADA "update" "account_setting" "Password security level" "Agents changed from High to Low",
    ADA "update" "user" "Eve Example" "Password changed",
    ADA "update" "account_setting" "IP restrictions" r"Allowed ranges changed from 192.0.2.0/24 to not set\r\n\r\nReason:\tmoving",
    ADA "update" "account_setting" "Time zone" "Changed",
    ADA "update" "webhook" "Webhook: ☃" r"☃ nothing like it was foreseen: 5 % of \u201cthese\u201d_things; role? changed? to?\nEnabled?",
    ADA "login" "user" "Ada Admin" "Successful sign-in using Zendesk password from https://sandbox.zendesk.com/access/login",
];

/// Events at other times, or from another address.
#[rustfmt::skip]
const ELSEWHERE: &[Scene] = &[
    // Eve uses one address for 60 days, and then another one.
    Scene { at: -60 * DAY, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY + 60, address: 77, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY + 120, address: 77, ..scene(EVE, SIGN_IN) },
    // Otto has signed in for the first time only a day before.
    Scene { at: 2 * DAY, ..scene(OTTO, SIGN_IN) },
    Scene { at: 3 * DAY, address: 78, ..scene(OTTO, SIGN_IN) },
];
const SIGN_IN: Kind = kind("login", "Sign in", "user", "Eve Example", "Successful sign-in using Google OAuth");

/// Deletions every ten seconds: 25 by Otto within an hour, and 12 by Ada.
const DELETIONS: &[(usize, i64, usize)] = &[(OTTO, 4 * DAY, 25), (ADA, 5 * DAY, 12)];
const DELETION: Kind = kind("destroy", "Deleted", "ticket", "Ticket", "");

/// Returns all scenes, in order.
fn scenes() -> impl Iterator<Item = (usize, u8, i64, &'static Kind)> {
    let first_day = SCENES.iter().zip(0..).map(|(scene, minute)| (scene, minute * 60));
    let elsewhere = ELSEWHERE.iter().map(|scene| (scene, scene.at));
    let deletions = DELETIONS
        .iter()
        .flat_map(|&(person, at, count)| (0..count).map(move |n| (person, 1, at + n as i64 * 10, &DELETION)));
    first_day.chain(elsewhere).map(|(scene, at)| (scene.person, scene.address, at, &scene.kind)).chain(deletions)
}

impl Scenario {
    /// Returns the number of each event and its second since 1970.
    pub(crate) fn events(self) -> impl Iterator<Item = (u64, i64)> {
        let Self::Security = self;
        scenes().zip(FIRST_NUMBER..).map(|((_, _, at, _), number)| (number, START + at))
    }
}

/// Returns the event with this number if it belongs to a scenario. `id` derives the id of
/// an event from its number.
pub(crate) fn event(number: u64, id: impl Fn(u64) -> u64) -> Option<Event> {
    let n = usize::try_from(number.checked_sub(FIRST_NUMBER)?).ok()?;
    let (person, address, _, kind) = scenes().nth(n)?;
    Some(Event {
        index: number,
        id: id(number),
        kind,
        person: Some(crate::vocabulary::PEOPLE.len() + person),
        source_id: Some(FIRST_SOURCE_ID + n as i64),
        ip: Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, address))),
        absent: None,
    })
}
