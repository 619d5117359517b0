use actix_web::{FromRequest, Responder};
use cached_response::cached_response;

trait Tenancy {
    type Tenant: FromRequest + ToString;
}

#[cached_response(unkeyed(tenant))]
async fn show<T: Tenancy + 'static>(tenant: T::Tenant) -> impl Responder {
    tenant.to_string()
}

fn main() {}
