#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| baysor_fuzz::read("geojson", data));
