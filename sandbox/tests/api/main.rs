//! Tests of the sandbox over HTTP. Each test starts its own sandbox. Tests must not sleep
//! or leave loopback.

mod access_errors;
mod access_faults;
mod access_pages;
mod access_records;
mod authorization;
mod counts;
mod credentials;
mod cursor_pages;
mod data;
mod dates;
mod echo;
mod faults;
mod filters;
mod further_limits;
mod http;
mod limits;
mod odd_headers;
mod offset_pages;
mod order;
mod overload;
mod own_endpoints;
mod program;
mod seeded_faults;
mod token_behavior;
mod token_info;
mod tokens;
mod traffic;
