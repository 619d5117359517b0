use cached_response::KeyPart;

struct Opaque;

#[derive(KeyPart)]
struct Tenant {
    id: u32,
    opaque: Opaque,
}

fn main() {}
