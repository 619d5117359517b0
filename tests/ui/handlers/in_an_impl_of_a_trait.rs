use cached_response::cached_response;

trait Pages {
    async fn page() -> String;
    async fn numbered(number: actix_web::web::Path<u32>) -> String;
}

struct Site;

impl Pages for Site {
    #[cached_response]
    async fn page() -> String {
        "page".to_owned()
    }

    #[cached_response]
    async fn numbered(number: actix_web::web::Path<u32>) -> String {
        number.to_string()
    }
}

fn main() {}
