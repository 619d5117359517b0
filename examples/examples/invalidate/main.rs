//! A shop over `SQLite`: a list of products, and a page for each. Both are answered from memory. After
//! a product is changed, every page that shows it is made again.
//!
//! The important lines are the `#[invalidates(..)]` ones: without them, the pages would show the old
//! product for an hour.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::error::{ErrorInternalServerError, ErrorNotFound};
use actix_web::{App, HttpResponse, HttpServer, Responder, Result, get, post, put, web};
use cached_response::{cached_response, invalidates};
use examples::listen;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Deserialize;
use serde_json::{Value, json};

const TABLES: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL);
    INSERT INTO products VALUES (1, 'Tea', 4), (2, 'Cake', 5), (3, 'Scones', 3);";

/// The database. It is in memory and fast, so queries need no `web::block`.
type Db = web::Data<Mutex<Connection>>;

fn connection(db: &Db) -> MutexGuard<'_, Connection> {
    db.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    let (id, name, price): (i64, String, i64) = row.try_into()?;
    Ok(json!({ "id": id, "name": name, "price": price }))
}

/// The fields of a product that a client may set.
#[derive(Deserialize)]
struct Change {
    name: String,
    price: i64,
}

#[get("/products")]
#[cached_response(timeout = 1h, tags("products"))]
async fn list(db: Db) -> Result<impl Responder> {
    let read = || {
        let connection = connection(&db);
        let mut products = connection.prepare_cached("SELECT * FROM products ORDER BY id")?;
        products
            .query_map([], to_json)?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    Ok(web::Json(read().map_err(ErrorInternalServerError)?))
}

#[get("/products/{id}")]
#[cached_response(timeout = 1h, tags("product:{id}"))]
async fn product(id: web::Path<i64>, db: Db) -> Result<impl Responder> {
    let one = "SELECT * FROM products WHERE id = ?1";
    let found = connection(&db).query_row(one, [*id], to_json).optional();
    found
        .map_err(ErrorInternalServerError)?
        .map(web::Json)
        .ok_or_else(|| ErrorNotFound("no such product"))
}

/// Adds a product. The list changes.
#[post("/products")]
#[invalidates(tags("products"))]
async fn add(new: web::Form<Change>, db: Db) -> Result<impl Responder> {
    let insert = "INSERT INTO products (name, price) VALUES (?1, ?2)";
    let connection = connection(&db);
    connection
        .execute(insert, (&new.name, new.price))
        .map_err(ErrorInternalServerError)?;
    let page = format!("/products/{}", connection.last_insert_rowid());
    Ok(HttpResponse::Created()
        .insert_header(("location", page))
        .finish())
}

/// Changes name and price. The product's page and the list change. A 404 changes nothing, so it
/// invalidates nothing.
#[put("/products/{id}")]
#[invalidates(tags("products", "product:{id}"))]
async fn edit(id: web::Path<i64>, change: web::Form<Change>, db: Db) -> Result<impl Responder> {
    let update = "UPDATE products SET name = ?2, price = ?3 WHERE id = ?1";
    let changed = connection(&db).execute(update, (*id, &change.name, change.price));
    match changed.map_err(ErrorInternalServerError)? {
        0 => Err(ErrorNotFound("no such product")),
        _ => Ok(HttpResponse::NoContent()),
    }
}

#[actix_web::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(TABLES)?;
    let db = Db::new(Mutex::new(connection));
    let listener = listen::on_this_machine()?;
    let products = format!("http://{}/products", listener.local_addr()?);
    let app = move || {
        App::new()
            .app_data(db.clone())
            .service((list, product, add, edit))
    };
    println!("Try twice: curl -i {products}");
    println!("Then: curl -i -X PUT -d 'name=Green tea' -d price=6 {products}/1");
    Ok(HttpServer::new(app)
        .workers(2)
        .listen(listener)?
        .run()
        .await?)
}
