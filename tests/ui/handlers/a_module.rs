use cached_response::cached_response;

#[cached_response]
mod pages {}

fn main() {}
