//! The content of the file: ISO 3166-1 and 3166-2, from the crate `keshvar`.

use std::collections::BTreeSet;

use keshvar::{Country, CountryIterator};
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction};
use serde::Serialize;

const TABLES: &str = "
    CREATE TABLE countries (
        code TEXT PRIMARY KEY, name TEXT NOT NULL, flag TEXT NOT NULL, region TEXT NOT NULL,
        population INTEGER);
    CREATE TABLE places (
        code TEXT PRIMARY KEY, country TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL);
    CREATE INDEX places_of_country ON places (country);
    CREATE TABLE names (place TEXT NOT NULL, name TEXT NOT NULL, searched TEXT NOT NULL);
    CREATE TABLE favourites (user TEXT NOT NULL, country TEXT NOT NULL);
    INSERT INTO favourites VALUES
        ('alice', 'FR'), ('alice', 'JP'), ('alice', 'NZ'), ('bob', 'BR'), ('bob', 'KE');";

/// Creates the tables and fills them: 249 countries, 5,059 subdivisions and all their names.
pub(crate) fn fill(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    for country in CountryIterator::new() {
        insert(&transaction, &country)?;
    }
    transaction.commit()
}

fn insert(transaction: &Transaction<'_>, country: &Country) -> Result<()> {
    let code = country.alpha2().to_string();
    let name = country.iso_short_name();
    let region = country.maybe_region().map(|region| region.to_string());
    let people = country.maybe_population();
    transaction
        .prepare_cached("INSERT INTO countries VALUES (?1, ?2, ?3, ifnull(?4, ''), ?5)")?
        .execute((
            &code,
            name,
            country.emoji(),
            region,
            people.map(u64::cast_signed),
        ))?;

    place(transaction, [&code, &code, name, "country"])?;
    names(transaction, &code, "", country.unofficial_name_list(), name)?;
    let within = format!(", {}", name.to_lowercase());
    for part in country.subdivisions().values() {
        let whole = format!("{code}-{}", part.code());
        let kind = part.subdivision_type().to_string().replace('_', " ");
        place(transaction, [&whole, &code, part.name(), &kind])?;
        names(
            transaction,
            &whole,
            &within,
            part.unofficial_name_list(),
            part.name(),
        )?;
    }
    Ok(())
}

fn place(transaction: &Transaction<'_>, columns: [&str; 4]) -> Result<usize> {
    transaction
        .prepare_cached("INSERT INTO places VALUES (?1, ?2, ?3, ?4)")?
        .execute(columns)
}

/// Inserts the names of a place, each once. The searched text also contains `within`, the country, so
/// that "cordoba, spain" finds the right place.
fn names(
    transaction: &Transaction<'_>,
    code: &str,
    within: &str,
    names: &[&str],
    name: &str,
) -> Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO names VALUES (?1, ?2, ?3)")?;
    let names: BTreeSet<_> = names.iter().copied().chain([name]).collect();
    for name in names {
        insert.execute((code, name, name.to_lowercase() + within))?;
    }
    Ok(())
}

/// A country, in lists.
#[derive(Serialize)]
pub(crate) struct Summary {
    code: String,
    name: String,
    flag: String,
    region: String,
    population: Option<i64>,
}

impl Summary {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            code: row.get("code")?,
            name: row.get("name")?,
            flag: row.get("flag")?,
            region: row.get("region")?,
            population: row.get("population")?,
        })
    }
}

/// A country with its subdivisions.
#[derive(Serialize)]
pub(crate) struct Whole {
    #[serde(flatten)]
    country: Summary,
    subdivisions: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    code: String,
    name: String,
    kind: String,
}

/// Returns a country by its two-letter code.
pub(crate) fn country(connection: &Connection, code: &str) -> Result<Option<Whole>> {
    let mut country = connection.prepare_cached("SELECT * FROM countries WHERE code = ?1")?;
    let Some(country) = country.query_row([code], Summary::read).optional()? else {
        return Ok(None);
    };
    let mut parts = connection.prepare_cached(
        "SELECT code, name, kind FROM places WHERE country = ?1 AND code <> ?1 ORDER BY code",
    )?;
    let parts = parts.query_map([code], |row| {
        Ok(Part {
            code: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
        })
    })?;
    Ok(Some(Whole {
        country,
        subdivisions: parts.collect::<Result<_>>()?,
    }))
}

/// Returns a random country.
pub(crate) fn random(connection: &Connection) -> Result<Summary> {
    let any = "SELECT * FROM countries ORDER BY random() LIMIT 1";
    connection.prepare_cached(any)?.query_row([], Summary::read)
}

/// Returns the favourite countries of a user.
pub(crate) fn favourites(connection: &Connection, user: &str) -> Result<Vec<Summary>> {
    let mut favourites = connection.prepare_cached(
        "SELECT countries.* FROM favourites JOIN countries ON code = country
          WHERE user = ?1 ORDER BY name",
    )?;
    favourites.query_map([user], Summary::read)?.collect()
}

/// Figures of a region of the world.
#[derive(Serialize)]
pub(crate) struct Region {
    pub(crate) name: String,
    countries: u32,
    subdivisions: u32,
    population: i64,
}

/// Returns all regions of the world.
pub(crate) fn regions(connection: &Connection) -> Result<Vec<Region>> {
    let mut regions = connection.prepare_cached(
        "SELECT region, count(DISTINCT country), count(*) - count(DISTINCT country),
                sum(iif(places.code = country, population, 0))
           FROM places JOIN countries ON countries.code = country
          WHERE region <> '' GROUP BY region ORDER BY region",
    )?;
    let regions = regions.query_map([], |row| {
        Ok(Region {
            name: row.get(0)?,
            countries: row.get(1)?,
            subdivisions: row.get(2)?,
            population: row.get(3)?,
        })
    })?;
    regions.collect()
}
