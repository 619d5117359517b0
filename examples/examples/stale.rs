//! A page that is read from a file, and stays up when the file is missing.
//!
//! Run `cargo run --example stale`, then the commands that it prints.

use std::{env, fs, io, path::PathBuf, process};

use actix_web::error::ErrorServiceUnavailable;
use actix_web::{App, Error, HttpServer, get, web};
use cached_response::cached_response;

const MENU: &str = "Mezze, 6.50\nPasta, 9.00\nGulab jamun, 4.50\n";

type MenuFile = web::Data<PathBuf>;

/// Fresh for a second. For another hour the stale response is answered if the file cannot be read;
/// after each failure, the next read is two seconds later.
///
/// By itself, a missing file is a 404. A 404 is not a failure but an answer, so the client would get it.
#[get("/menu")]
#[cached_response(timeout = 1s, stale_if_error = 1h, failure_cooldown = 2s)]
async fn menu(file: MenuFile) -> Result<String, Error> {
    fs::read_to_string(&**file).map_err(ErrorServiceUnavailable)
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let path = env::temp_dir().join(format!("menu-{}.txt", process::id()));
    fs::write(&path, MENU)?;
    let file = MenuFile::new(path.clone());
    let app = move || App::new().app_data(file.clone()).service(menu);

    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let server = HttpServer::new(app).bind(format!("127.0.0.1:{port}"))?;
    let (page, file) = (format!("http://{}/menu", server.addrs()[0]), path.display());
    println!("Try:       curl -i {page}");
    println!("then:      mv {file} {file}.away; sleep 2; curl -i {page}");
    println!("and then:  mv {file}.away {file}; sleep 2; curl -i {page}");
    server.run().await
}
