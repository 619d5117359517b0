use cached_response::cached_response;

#[cached_response]
async fn page() {}

fn main() {}
