use cached_response::cached_response;

#[cached_response]
struct Page;

fn main() {}
