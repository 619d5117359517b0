use actix_web::web::{Data, Path};
use cached_response::cached_response;

#[cached_response(query = typed)]
async fn page(number: Path<u32>, title: Data<String>) -> String {
    format!("{number} {}", **title)
}

fn main() {}
