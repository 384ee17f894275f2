//! Scenarios: fixed events beside the seeded ones, each written for a detection in
//! `analytics/`: what must raise an alert, and what looks like it and must not.
//!
//! The words here say what happened. Which alerts follow from it is written down in
//! `analytics/tests/expected_alerts.csv`, and must not be decided here.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    event::Event,
    vocabulary::{Kind, kind},
};

/// Fixed events that a sandbox can hold beside the seeded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Events of January 2025 that security people look for, and harmless ones beside them.
    Security,
}

/// Event numbers from here on belong to the scenario: the last 1,024 of the 40 bits that a
/// key has for them. No sandbox holds enough events to reach them.
const FIRST_NUMBER: u64 = (1 << 40) - 1_024;
/// Monday, 2025-01-06T09:00:00Z.
const START: i64 = 1_736_154_000;
const DAY: i64 = 86_400;
/// The `source_id` of scene number n is this and n more, so that a test can name it.
const FIRST_SOURCE_ID: i64 = 900_000_000_000;
/// The people of the scenario come behind those of the vocabulary: nothing else is known of them.
pub(crate) const PEOPLE: &[&str] = &["Ada Admin", "Otto Agent", "Eve Example"];
const ADA: usize = 0;
const OTTO: usize = 1;
const EVE: usize = 2;

/// One fixed event.
#[derive(Debug)]
struct Scene {
    /// Seconds after [`START`]; on the first day the place in the list says when.
    at: i64,
    /// Position in [`PEOPLE`].
    person: usize,
    /// Last part of the address 198.51.100.x, which the seeded events never have.
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

/// What happens on the first day, a minute apart.
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

/// What happens at other times, or from another address.
#[rustfmt::skip]
const ELSEWHERE: &[Scene] = &[
    // Eve is known for 60 days from one address, and then comes from another.
    Scene { at: -60 * DAY, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY + 60, address: 77, ..scene(EVE, SIGN_IN) },
    Scene { at: DAY + 120, address: 77, ..scene(EVE, SIGN_IN) },
    // Otto has been known for a day only.
    Scene { at: 2 * DAY, ..scene(OTTO, SIGN_IN) },
    Scene { at: 3 * DAY, address: 78, ..scene(OTTO, SIGN_IN) },
];
const SIGN_IN: Kind = kind("login", "Sign in", "user", "Eve Example", "Successful sign-in using Google OAuth");

/// Deletions, ten seconds apart: 25 of Otto's within an hour, and 12 of Ada's.
const DELETIONS: &[(usize, i64, usize)] = &[(OTTO, 4 * DAY, 25), (ADA, 5 * DAY, 12)];
const DELETION: Kind = kind("destroy", "Deleted", "ticket", "Ticket", "");

/// Every scene in the order of its number.
fn scenes() -> impl Iterator<Item = (usize, u8, i64, &'static Kind)> {
    let first_day = SCENES.iter().zip(0..).map(|(scene, minute)| (scene, minute * 60));
    let elsewhere = ELSEWHERE.iter().map(|scene| (scene, scene.at));
    let deletions = DELETIONS
        .iter()
        .flat_map(|&(person, at, count)| (0..count).map(move |n| (person, 1, at + n as i64 * 10, &DELETION)));
    first_day.chain(elsewhere).map(|(scene, at)| (scene.person, scene.address, at, &scene.kind)).chain(deletions)
}

impl Scenario {
    /// Number and second, since 1970, of each event.
    pub(crate) fn events(self) -> impl Iterator<Item = (u64, i64)> {
        let Self::Security = self;
        scenes().zip(FIRST_NUMBER..).map(|((_, _, at, _), number)| (number, START + at))
    }
}

/// The event with this number, if it is a scenario's. `id` is what the event's id is made from.
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
