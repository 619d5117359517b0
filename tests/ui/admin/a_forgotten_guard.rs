use actix_web::App;
use cached_response::{ResponseCache, admin};

fn main() {
    let cache = ResponseCache::builder().build();
    let _ = App::new().service(admin::scope("/cache", cache));
}
