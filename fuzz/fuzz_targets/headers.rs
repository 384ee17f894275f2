//! Runs [`targets::headers`] on the inputs of libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use source_zendesk_audit_logs_fuzz as targets;

fuzz_target!(|bytes: &[u8]| targets::headers(bytes));
