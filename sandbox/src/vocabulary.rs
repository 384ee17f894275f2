//! Strings of audit log events, modelled on published records. Each is the content of a JSON string, with its
//! escapes, and is copied unchanged. Placeholders: `{p}` a person, `{n}` a number, `{s}` the subdomain,
//! `{long}` several kilobytes.

use crate::scenario;

/// One kind of event.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) action: &'static str,
    pub(crate) action_label: &'static str,
    pub(crate) source_type: &'static str,
    pub(crate) source_label: &'static str,
    pub(crate) change_description: &'static str,
    /// Only the system does it.
    pub(crate) system: bool,
}

/// Creates a kind that people do.
pub(crate) const fn kind(
    action: &'static str,
    action_label: &'static str,
    source_type: &'static str,
    source_label: &'static str,
    change_description: &'static str,
) -> Kind {
    Kind { action, action_label, source_type, source_label, change_description, system: false }
}

/// All kinds, with equal frequency.
#[rustfmt::skip]
pub(crate) const KINDS: &[Kind] = &[
    kind("login", "Sign in", "user", "{p}", "Successful sign-in using Zendesk password from https://{s}.zendesk.com/access/login"),
    kind("login", "Sign in", "user", "{p}", r"Successful sign-in using Google OAuth from https:\/\/{s}.zendesk.com\/access\/oauth?profile=google&locale=1"),
    kind("login", "Connexion", "user", "{p}", r"Connexion r\u00e9ussie avec le mot de passe Zendesk depuis https://{s}.zendesk.com/access/login"),
    kind("update", "Updated", "user", "{p}", "Role changed from Administrator to End User"),
    kind("update", "Updated", "user", "{p}", "Role changed from End User to Administrator"),
    kind("update", "Updated", "user", "{p}", r"Explore role changed from not set to Admin\nGuide role changed from not set to Admin\nSupport role changed from not set to Admin\nTalk role changed from not set to Admin"),
    kind("update", "Updated", "user", "{p}", "Organization: Nordwind {n} is assigned"),
    kind("update", "Aktualisiert", "user", "{p}", "Rolle geändert von Endbenutzer in Administrator"),
    kind("create", "Created", "user", "{p}", r"E-mail: user{n}@mail.example\nName: {p}\nRole: Agent\nTime zone: (GMT+01:00) Z\u00fcrich"),
    kind("destroy", "Deleted", "user", "{p}", ""),
    kind("create", "Created", "user_setting", "Suspension state: {p}", "Suspended"),
    kind("update", "Updated", "user_setting", "Suspension state: {p}", "Unsuspended"),
    kind("create", "Created", "account_setting", "Two-Factor authentication for all admins and agents", "Disabled"),
    kind("create", "Created", "account_setting", "Require Two Factor", "Enabled"),
    kind("update", "Updated", "account_setting", "Require Two Factor", "Disabled"),
    kind("create", "Created", "account_setting", "Credit Card Redaction", "Enabled"),
    kind("update", "Updated", "account_setting", "Account Assumption", "Changed"),
    kind("update", "Updated", "account_setting", "IP restrictions", r"Allowed ranges changed from \u201cnot set\u201d to 192.0.2.0/24 2001:db8:{n}::/48\r\n\r\nReason:\tticket #{n}"),
    kind("update", "Updated", "account", "Account: Account", "Owner changed from {p} to {p}"),
    kind("create", "Created", "api_token", "API token: integration {n}", "description changed from not set to integration {n}"),
    kind("destroy", "Deleted", "apitoken", "API token: integration {n}", ""),
    kind("create", "Created", "oauth_client", "OAuth client: Data pipeline {n}", "identifier changed from not set to data_pipeline_{n}"),
    kind("destroy", "Deleted", "oauth_client", "OAuth client: Data pipeline {n}", ""),
    kind("update", "更新しました", "organization", "Organization: 株式会社サンプル{n}", "Group changed from Premium Support to Premium Support Korea 한국어"),
    kind("create", "Created", "organization", r#"Organization: \"Smith & Sons\" Ltd {n}"#, r"Domains: smith{n}.example, sons{n}.example\nNotes: C:\\Users\\smith"),
    kind("update", "Updated", "rule", "Trigger: Notify requester of received request", r"Conditions changed:\n- <b>all</b>: status less than solved\n+ <b>all</b>: status less than closed"),
    kind("update", "Updated", "trigger", "Trigger: Escalate #{n}", r#"Action changed: Email body <p style=\"margin:0\">Hello {{ticket.requester.name}},<br/>your request (#{{ticket.id}}) was received.</p><a href=\"https:\/\/{s}.zendesk.com\/hc\/requests\/{n}\">View<\/a>"#),
    kind("create", "Created", "macro", "Macro: Close and redirect to topics 🚀", "Shared with: Everyone 👩‍💻"),
    kind("destroy", "Deleted", "view", r"View: Unassigned \ud83d\udea8 urgent", ""),
    kind("create", "Created", "ticket_form", "Ticket Form: Returns {n}", "Visible to end users; fields: Subject, Description, Order number"),
    kind("update", "Update", "ticket_field", "Ticket Field: Priority", "Updated ticket field configuration"),
    kind("update", "Updated", "group", "Group: Tier {n}", "Members added: {p}, {p}, {p}"),
    kind("update", "Updated", "permission_set", "Role: Billing agent", r"Ticket deletion changed from off to on\nTicket merging changed from off to on\nView deleted tickets changed from off to on"),
    kind("create", "Created", "brand", "Brand: Sandbox & Söhne {n}", "Subdomain: brand-{n}; host mapping: support{n}.mail.example"),
    kind("exported", "Exported", "ticket", "Tickets", "Ticket export of {n} tickets requested by {p}"),
    kind("destroy", "Deleted", "ticket", "Ticket #{n}", "Permanently deleted; subject: RE: Fwd: order {n} \u{2028}line separator kept"),
    kind("create", "Installed", "zendesk/app_market/app", "App: Answer Bot {n}", r#"Settings: {\"locale\":\"en-US\",\"limit\":{n},\"on\":true}"#),
    kind("permanently_destroy", "Permanently deleted", "user", "{p}", "{long}"),
    Kind { system: true, ..kind("destroy", "Deleted", "attachment", "Attachment", "") },
    Kind { system: true, ..kind("destroy", "Deleted", "attachment", "Attachment: invoice_{n}.pdf", "Deleted by the schedule after {n} days") },
];

/// Names of people, with and without escapes.
pub(crate) const PEOPLE: &[&str] = &[
    "Bob Cat",
    "Mountain Lion",
    "John Doe",
    "Jane Admin",
    r"Jos\u00e9 Mart\u00ednez",
    "Zoë Müller-Lüdenscheidt",
    "山田 太郎",
    r#"Robert \"Bob\" O'Hara"#,
    "agent.smith+sandbox@mail.example",
    r"Олена Шевченко",
    r"\ud83e\udd16 Integration bot",
    "Sam  Two  Blanks",
    "{Braces} [and] : commas,",
];

/// Returns the name of a person by index: first those above, then those of the scenario.
pub(crate) fn person(position: usize) -> &'static str {
    PEOPLE.iter().chain(scenario::PEOPLE).nth(position).copied().unwrap_or("Nobody")
}

/// A line that is repeated in descriptions of several kilobytes.
pub(crate) const LONG_LINE: &str = r"Field \u201cnotes\u201d changed from \u201cnot set\u201d to <div class=\u0022note\u0022>see https:\/\/files.mail.example\/a?b=c&d=e<\/div>\n";

/// Fields that the API reference does not name. Their numbers change if they are parsed as
/// a float.
pub(crate) const EXTRAS: &[&str] = &[
    r#""via":{"channel":"web","source":{"from":{},"to":null,"rel":["a",{"b":[]}]}}"#,
    r#""risk_score":1.10"#,
    r#""weight":1e2"#,
    r#""sequence":123456789012345678901234567890"#,
    r#""account_id":9007199254740993"#,
    r#""session":{"mfa":true,"age_seconds":-0.0,"device":"Mozilla\/5.0 (X11; Linux x86_64) \"sandbox\""}"#,
    r#""brand_ids":[]"#,
    r#""metadata":{"created_at":"1999-12-31T23:59:59Z","id":1,"audit_logs":[{"id":2}]}"#,
];
