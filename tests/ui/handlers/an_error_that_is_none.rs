use actix_web::HttpResponse;
use cached_response::cached_response;

#[cached_response]
async fn page() -> Result<HttpResponse, String> {
    Err("broken".to_owned())
}

fn main() {}
