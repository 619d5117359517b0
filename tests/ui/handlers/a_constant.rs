use cached_response::cached_response;

#[cached_response]
const PAGE: u32 = 5;

fn main() {}
