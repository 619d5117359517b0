use cached_response::cached_response;

struct Page;

#[cached_response(vary(none))]
async fn page() -> Result<Page, actix_web::Error> {
    Ok(Page)
}

fn main() {}
