//! The search: over every name of every place, with typos allowed.

use std::collections::BTreeMap;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result, Row, named_params};
use serde::{Deserialize, Serialize};

const PAGE_SIZE: u32 = 20;
const MAX_QUERY_LETTERS: usize = 40;

/// Query of a search: `?q=allemange&region=europe&page=1`.
#[derive(Deserialize)]
pub(crate) struct Search {
    q: String,
    #[serde(default)]
    region: String,
    #[serde(default = "first")]
    page: u32,
}

fn first() -> u32 {
    1
}

impl Search {
    /// Returns the search in lower case, or the reason why it is invalid.
    pub(crate) fn check(mut self) -> std::result::Result<Self, &'static str> {
        self.q = self.q.trim().to_lowercase();
        match self.q.chars().count() {
            0 => Err("q is empty"),
            length if length > MAX_QUERY_LETTERS => Err("q is longer than 40 letters"),
            _ => Ok(self),
        }
    }

    /// Returns true if the search includes this region.
    fn includes(&self, region: &str) -> bool {
        self.region.is_empty() || self.region == region
    }

    /// Returns the number of typos that are allowed: one letter in four.
    fn allowed_typos(&self) -> usize {
        self.q.chars().count() / 4
    }
}

/// Places that match, the nearest first, and the number of matches in each region.
#[derive(Serialize)]
pub(crate) struct Found {
    total: u32,
    regions: BTreeMap<String, u32>,
    page: u32,
    places: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    code: String,
    name: String,
    kind: String,
    country: String,
    matched: String,
    typos: u32,
}

/// Reads every name, since an index does not help with typos.
const FOUND: &str = "
    WITH found AS (
        SELECT places.code, places.name, places.kind, countries.name AS country, countries.region,
               names.name AS matched, min(typos(names.searched, :q)) AS typos
          FROM names
          JOIN places ON places.code = names.place
          JOIN countries ON countries.code = places.country
         GROUP BY places.code
        HAVING typos <= :allowed)";

/// Runs a search: counts the matches, then reads the requested page.
pub(crate) fn search(connection: &Connection, query: &Search) -> Result<Found> {
    let regions = count(connection, query)?;
    let total = regions
        .iter()
        .filter(|(region, _)| query.includes(region))
        .map(|(_, n)| n)
        .sum();
    Ok(Found {
        total,
        regions,
        page: query.page,
        places: places(connection, query)?,
    })
}

fn count(connection: &Connection, query: &Search) -> Result<BTreeMap<String, u32>> {
    let count = format!("{FOUND} SELECT region, count(*) FROM found GROUP BY region");
    let mut count = connection.prepare_cached(&count)?;
    let values = named_params! { ":q": query.q, ":allowed": query.allowed_typos() };
    count
        .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn places(connection: &Connection, query: &Search) -> Result<Vec<Place>> {
    let page = format!(
        "{FOUND} SELECT * FROM found WHERE :region IN ('', region)
          ORDER BY typos, abs(length(matched) - length(:q)), code LIMIT :size OFFSET :start",
    );
    let mut page = connection.prepare_cached(&page)?;
    let values = named_params! {
        ":q": query.q,
        ":allowed": query.allowed_typos(),
        ":region": query.region,
        ":size": PAGE_SIZE,
        ":start": i64::from(PAGE_SIZE) * i64::from(query.page.saturating_sub(1)),
    };
    page.query_map(values, Place::read)?.collect()
}

impl Place {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            code: row.get("code")?,
            name: row.get("name")?,
            kind: row.get("kind")?,
            country: row.get("country")?,
            matched: row.get("matched")?,
            typos: row.get("typos")?,
        })
    }
}

/// Adds the SQL function `typos(name, query)` to a connection.
pub(crate) fn install(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("typos", 2, flags, |arguments| {
        let (name, query): (String, String) = (arguments.get(0)?, arguments.get(1)?);
        Ok(u32::try_from(typos(&name, &query)).unwrap_or(u32::MAX))
    })
}

/// Returns how many letters must be added, left out, changed or swapped with their neighbour until
/// `query` is a part of `name`.
fn typos(name: &str, query: &str) -> usize {
    let (name, query): (Vec<char>, Vec<char>) = (name.chars().collect(), query.chars().collect());
    let mut before = vec![];
    let mut last = vec![0; name.len() + 1];
    for i in 1..=query.len() {
        let mut row = vec![i; name.len() + 1];
        for j in 1..=name.len() {
            let changed = usize::from(query[i - 1] != name[j - 1]);
            row[j] = (last[j - 1] + changed).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && query[i - 1] == name[j - 2] && query[i - 2] == name[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last.into_iter().min().unwrap_or(query.len())
}
