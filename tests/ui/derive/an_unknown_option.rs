use cached_response::KeyPart;

#[derive(KeyPart)]
#[key_part(skip_all)]
struct Tenant {
    id: u32,
}

fn main() {}
