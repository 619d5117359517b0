use cached_response::invalidates;

#[invalidates(path("/products#top"), url("/products?page=1#top"))]
async fn rename() -> &'static str {
    "renamed"
}

fn main() {}
