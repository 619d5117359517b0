use cached_response::invalidates;

#[invalidates(all)]
struct Edit;

fn main() {}
