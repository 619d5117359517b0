use cached_response::cached_response;

struct Page;

#[cached_response]
async fn page() -> Page {
    Page
}

fn main() {}
