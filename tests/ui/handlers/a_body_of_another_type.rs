use cached_response::cached_response;

#[cached_response]
async fn page() -> Result<String, actix_web::Error> {
    "page"
}

fn main() {}
