//! A summary of `Stats` for people: a dozen lines, without what is zero.

use crate::metrics::stats::{ReasonCounts, RemoteStats, RouteStats, Stats, ValueStats};
use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

/// Routes with a line of their own.
const MAX_ROUTES: usize = 5;

/// Bytes with a binary unit.
struct Bytes(u64);

impl Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut bytes = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while bytes >= 1024.0 && unit + 1 < UNITS.len() {
            bytes /= 1024.0;
            unit += 1;
        }
        write!(f, "{bytes:.1} {}", UNITS[unit])
    }
}

/// A list of counts with their names, separated by commas; those that are zero are left out.
struct NonZero<'a>(&'a [(&'a str, u64)]);

impl NonZero<'_> {
    fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, count)| *count == 0)
    }
}

impl Display for NonZero<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().filter(|(_, count)| *count > 0);
        for (n, (name, count)) in counts.enumerate() {
            write!(f, "{}{name} {count}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Writes the line of some counts, unless all are zero.
fn line(f: &mut Formatter<'_>, title: &str, counts: &[(&str, u64)]) -> fmt::Result {
    let named = NonZero(counts);
    if named.is_empty() {
        return Ok(());
    }
    write!(f, "\n{title}: {named}")
}

fn reasons<R: Display + Copy + PartialEq>(
    f: &mut Formatter<'_>,
    title: &str,
    counts: &ReasonCounts<R>,
) -> fmt::Result {
    let counts: Vec<_> = counts.iter().map(|(why, n)| (why.to_string(), n)).collect();
    let counts: Vec<_> = counts.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    line(f, title, &counts)
}

/// Writes the share of hits, and the time that they have saved.
fn write_hits(
    f: &mut Formatter<'_>,
    ratio: Option<f64>,
    hits: u64,
    misses: u64,
    saved: Duration,
) -> fmt::Result {
    match ratio {
        Some(ratio) => write!(f, "{hits} hits, {misses} misses ({:.1} %)", ratio * 100.0)?,
        None => f.write_str("no look-ups")?,
    }
    if saved > Duration::ZERO {
        write!(f, ", {saved:.1?} of runs saved")?;
    }
    Ok(())
}

impl Display for Stats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("responses: ")?;
        write_hits(f, self.hit_ratio(), self.hits, self.misses, self.time_saved)?;
        line(
            f,
            "hits",
            &[
                ("304", self.not_modified),
                ("from the remote store", self.remote_hits),
            ],
        )?;
        reasons(f, "stale", &self.stale)?;
        reasons(f, "forwarded", &self.forwards)?;
        reasons(f, "bypassed", &self.bypasses)?;
        self.write_runs(f)?;
        self.write_memory(f)?;
        if self.values != ValueStats::default() {
            write!(f, "\n{}", self.values)?;
        }
        if let Some(remote) = &self.remote {
            write!(f, "\n{remote}")?;
        }
        self.write_routes(f)
    }
}

impl Stats {
    fn write_runs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(
            f,
            "runs",
            &[
                ("ended", self.runs),
                ("stored", self.stored),
                ("validated", self.validated),
                ("refreshes", self.refreshes),
                ("detached", self.detached),
                ("failed", self.failed),
                ("in progress", self.running as u64),
            ],
        )?;
        reasons(f, "not stored", &self.skips)?;
        line(
            f,
            "waiting",
            &[
                ("collapsed", self.collapsed),
                ("timed out", self.wait_timeouts),
                ("over max_waiters", self.over_max_waiters),
                ("hit-for-pass", self.hit_for_pass),
                ("nested runs", self.nested_runs),
                ("only-if-cached", self.only_if_cached),
            ],
        )
    }

    fn write_memory(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (bytes, max) = (Bytes(self.bytes), Bytes(self.max_bytes));
        write!(f, "\nmemory: {} entries, {bytes} of {max}", self.entries)?;
        let counts = [
            ("evictions", self.evictions),
            ("invalidations", self.invalidations),
            ("hit-for-pass keys", self.hit_for_pass_keys),
        ];
        if !NonZero(&counts).is_empty() {
            write!(f, ", {}", NonZero(&counts))?;
        }
        Ok(())
    }

    /// Writes the routes with most requests.
    fn write_routes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut routes: Vec<_> = self.routes.iter().collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.requests()));
        for route in routes.iter().take(MAX_ROUTES) {
            write!(f, "\n{route}")?;
        }
        match routes.len().saturating_sub(MAX_ROUTES) {
            0 => Ok(()),
            more => write!(f, "\n{more} more routes"),
        }
    }
}

/// One line: patterns, or else the handler; hits and what prevents them.
impl Display for RouteStats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &*self.patterns {
            [] => f.write_str(self.handler)?,
            [first] => f.write_str(first)?,
            [first, rest @ ..] => write!(f, "{first} and {} more", rest.len())?,
        }
        f.write_str(": ")?;
        write_hits(f, self.hit_ratio(), self.hits, self.misses, self.time_saved)?;
        for (title, count) in [
            ("bypassed", self.bypasses.total()),
            ("not stored", self.skips.total()),
        ] {
            if count > 0 {
                write!(f, ", {title} {count}")?;
            }
        }
        Ok(())
    }
}

/// One line.
impl Display for ValueStats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("values: ")?;
        write_hits(f, self.hit_ratio(), self.hits, self.misses, self.time_saved)?;
        let counts = [
            ("stored", self.stored),
            ("not stored", self.skips.total()),
            ("collapsed", self.collapsed),
            ("stale", self.stale.total()),
            ("failed", self.failed),
        ];
        if NonZero(&counts).is_empty() {
            return Ok(());
        }
        write!(f, ", {}", NonZero(&counts))
    }
}

/// One line.
impl Display for RemoteStats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "remote store: calls {}", self.calls)?;
        let counts = [
            ("written", self.written),
            ("dropped", self.dropped),
            ("slow", self.slow),
            ("over the limit", self.over_max_calls),
            ("refused by the breaker", self.refused),
            ("breaker opened", self.opened),
        ];
        let failures: Vec<_> = counts.into_iter().chain(self.failures()).collect();
        if NonZero(&failures).is_empty() {
            return Ok(());
        }
        write!(f, ", {}", NonZero(&failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_two_lines() {
        let text = Stats::default().to_string();
        assert_eq!(
            text,
            "responses: no look-ups\nmemory: 0 entries, 0 B of 0 B"
        );
    }

    #[test]
    fn sizes_have_a_unit() {
        let text = [0, 1023, 1024, 1536, 64 << 20, u64::MAX].map(|bytes| Bytes(bytes).to_string());
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "64.0 MiB",
            "16777216.0 TiB",
        ];
        assert_eq!(text, expected);
    }

    #[test]
    fn everything_is_a_screen_and_the_busiest_routes() {
        let route = |n: u64| RouteStats {
            handler: "shop::list",
            patterns: vec![format!("/list/{n}")],
            hits: n,
            ..RouteStats::default()
        };
        let stats = Stats {
            hits: 3,
            misses: 1,
            not_modified: 1,
            stored: 1,
            collapsed: 2,
            time_saved: Duration::from_millis(1500),
            routes: (0..9).map(route).collect(),
            remote: Some(RemoteStats::default()),
            values: ValueStats {
                hits: 1,
                ..ValueStats::default()
            },
            ..Stats::default()
        };
        let text = stats.to_string();
        let expected = "responses: 3 hits, 1 misses (75.0 %), 1.5s of runs saved\n\
             hits: 304 1\n\
             runs: stored 1\n\
             waiting: collapsed 2\n\
             memory: 0 entries, 0 B of 0 B\n\
             values: 1 hits, 0 misses (100.0 %)\n\
             remote store: calls 0\n\
             /list/8: 8 hits, 0 misses (100.0 %)\n\
             /list/7: 7 hits, 0 misses (100.0 %)\n\
             /list/6: 6 hits, 0 misses (100.0 %)\n\
             /list/5: 5 hits, 0 misses (100.0 %)\n\
             /list/4: 4 hits, 0 misses (100.0 %)\n\
             4 more routes";
        assert_eq!(text, expected);
    }
}
