//! The sandbox over HTTP, as its users meet it. Every test talks to a sandbox of
//! its own; none sleeps and none leaves loopback.

mod credentials;
mod cursor_pages;
mod data;
mod faults;
mod filters;
mod http;
mod limits;
mod offset_pages;
mod own_endpoints;
mod program;
mod seeded_faults;
mod token_info;
mod tokens;
