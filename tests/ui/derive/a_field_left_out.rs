use cached_response::KeyPart;

#[derive(KeyPart)]
struct Tenant {
    id: u32,
    #[key_part(skip)]
    name: String,
}

fn main() {}
