//! Reads whatever the fuzzer makes of the snapshots: docs/testing.md says how it is run.

#![no_main]

use cached_response::try_frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    try_frame(bytes, |read| allocation_counter::measure(read).bytes_total);
});
