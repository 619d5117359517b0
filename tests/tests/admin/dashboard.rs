//! The page, in a real browser.

use std::net::SocketAddr;

use actix_web::guard::fn_guard;
use cached_response::{ResponseCache, admin};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::raw::Request;
use tests::server::Server;

use crate::shop::{Shop, TOKEN, authorized};

/// A browser that is logged in, on the page of a shop.
fn opened(name: &str, shop: &Shop) -> Browser {
    let mut browser = Browser::start(name).unwrap();
    browser.headers(&json!({ "authorization": format!("Bearer {TOKEN}") }));
    browser.open(&page(shop.address()));
    browser.until("document.querySelector('#state').textContent === 'Live'");
    browser
}

fn page(address: SocketAddr) -> String {
    format!("http://{address}/cache/")
}

/// Waits for the next figures.
fn refresh(browser: &mut Browser) {
    browser.eval("refresh()");
}

/// The text beside a title of the overview.
fn tile(browser: &mut Browser, title: &str) -> String {
    let find = format!(
        "[...document.querySelectorAll('#overview > div')].find(tile => \
         tile.querySelector('dt').textContent === '{title}').innerText"
    );
    browser.eval(&find).as_str().unwrap().to_owned()
}

/// The texts of the cells of a table, row by row.
fn table(browser: &mut Browser, id: &str) -> Vec<Vec<String>> {
    let rows = browser.eval(&format!(
        "[...document.querySelectorAll('#{id} tbody tr')].map(row => \
         [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    ));
    serde_json::from_value(rows).unwrap()
}

/// The errors and warnings in the console, such as those of a broken policy.
fn complaints(browser: &mut Browser) -> Vec<Value> {
    let mut found = browser.events("Log.entryAdded");
    found.extend(browser.events("Runtime.exceptionThrown"));
    found.extend(browser.events("Runtime.consoleAPICalled"));
    found
}

/// A shop that has answered hits, misses and bypasses.
fn busy() -> Shop {
    let shop = Shop::open();
    for n in 0..30 {
        shop.get(&format!("/products/{}", n % 3));
        shop.get("/search?a=1");
        shop.fetch(&Request::post("/search", ""));
        shop.fetch(&Request::get("/behind/page").header("cookie", "a=b"));
    }
    shop
}

#[test]
fn its_figures_are_those_of_the_cache() {
    let shop = busy();
    let mut browser = opened("figures", &shop);
    refresh(&mut browser);
    let stats = shop.cache.stats();
    let ratio = tile(&mut browser, "Hit ratio");
    let expected = format!("{:.1} %", 100.0 * stats.hit_ratio().unwrap());
    assert!(ratio.contains(&expected), "{ratio}: {expected}");
    let hits = tile(&mut browser, "Hits a second");
    assert!(
        hits.contains(&format!("{} since the start", stats.hits)),
        "{hits}"
    );
    let memory = tile(&mut browser, "Memory");
    assert!(
        memory.contains(&format!("{} entries", stats.entries)),
        "{memory}"
    );
    let rows = table(&mut browser, "routes");
    assert_eq!(rows.len(), stats.routes.len());
    for route in &stats.routes {
        let shown = rows
            .iter()
            .find(|row| row[0].starts_with(&route.patterns[0]))
            .unwrap();
        assert_eq!(
            (&shown[3], &shown[4]),
            (&route.hits.to_string(), &route.misses.to_string())
        );
    }
    let reasons = browser.eval("document.querySelector('#reasons').innerText");
    let reasons = reasons.as_str().unwrap();
    for (reason, count) in stats.bypasses.iter() {
        assert!(
            reasons.contains(reason.as_str()) && reasons.contains(&count.to_string()),
            "{reasons}"
        );
    }
    assert_eq!(complaints(&mut browser), [] as [Value; 0]);
}

#[test]
fn it_follows_the_cache_under_load() {
    let shop = Shop::open();
    let mut browser = opened("load", &shop);
    for _ in 0..300 {
        shop.get("/products/1");
    }
    browser.until("document.querySelector('#overview').innerText.includes('299 since the start')");
    assert_eq!(shop.cache.stats().hits, 299);
    browser.eval("document.querySelector('[data-sort=uses]').click()");
    browser.until("document.querySelectorAll('#entries tbody tr').length === 1");
}

#[test]
fn advice_names_a_route_without_hits_and_the_option_to_write() {
    let shop = Shop::open();
    let mut browser = opened("advice", &shop);
    let section = "document.querySelector('#advice-section')";
    assert_eq!(browser.eval(&format!("{section}.hidden")), true);
    for _ in 0..200 {
        shop.fetch(&Request::get("/behind/page").header("cookie", "theme=planted"));
    }
    refresh(&mut browser);
    let advice = browser.eval(&format!("{section}.innerText"));
    let advice = advice.as_str().unwrap();
    assert!(
        advice.contains("none of 200 requests was a hit (cookie:theme)")
            && advice.contains("write ignore_cookies([\"theme\"])"),
        "{advice}"
    );
    assert!(!advice.contains("planted"), "{advice}");
}

#[test]
fn a_click_invalidates_a_route_a_path_and_everything() {
    let shop = Shop::open();
    let mut browser = opened("clicks", &shop);
    for (open, target) in [
        (
            "document.querySelector('#routes tbody button').click()",
            "/products/1",
        ),
        (
            "document.querySelector('#entries tbody button').click()",
            "/products/1",
        ),
        (
            "form.elements.kind.value = 'all', form.elements.kind.dispatchEvent(new Event('change')), \
             form.requestSubmit()",
            "/products/1",
        ),
    ] {
        let before = shop.get(target);
        refresh(&mut browser);
        browser.eval(&format!(
            "(() => {{ const form = document.querySelector('#form'); {open} }})()"
        ));
        browser.until("document.querySelector('#confirm').open");
        assert_eq!(
            shop.get(target),
            before,
            "nothing is invalidated before the question is answered"
        );
        browser.eval("document.querySelector('#confirm [value=yes]').click()");
        browser.until("document.querySelector('#result').textContent.startsWith('Invalidated')");
        assert_ne!(shop.get(target), before, "{open}");
        browser.eval("document.querySelector('#result').textContent = ''");
    }
    assert_eq!(complaints(&mut browser), [] as [Value; 0]);
}

#[test]
fn the_keyboard_suffices_to_invalidate_a_tag() {
    let shop = Shop::open();
    let mut browser = opened("keyboard", &shop);
    let before = shop.get("/products/1");
    browser.eval("document.querySelector('#form').elements.kind.focus()");
    browser.press("Tab", 9);
    browser.write("product:1");
    browser.press("Enter", 13);
    browser.until("document.querySelector('#result').textContent.startsWith('Invalidated')");
    assert_ne!(shop.get("/products/1"), before);
    assert_eq!(
        browser.eval("document.querySelector('#result').getAttribute('aria-live')"),
        "polite"
    );
}

#[test]
fn every_control_has_a_name_for_a_screen_reader() {
    let shop = Shop::open();
    shop.get("/products/1");
    let mut browser = opened("names", &shop);
    refresh(&mut browser);
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let with_role = |role: &str| -> Vec<&str> {
        let nodes = nodes
            .iter()
            .filter(|node| node["role"]["value"] == role && node["ignored"] == false);
        nodes
            .map(|node| node["name"]["value"].as_str().unwrap_or_default())
            .collect()
    };
    for role in [
        "button",
        "combobox",
        "textbox",
        "checkbox",
        "table",
        "columnheader",
        "region",
    ] {
        let names = with_role(role);
        assert!(
            !names.is_empty() && names.iter().all(|name| !name.is_empty()),
            "{role}: {names:?}"
        );
    }
    assert!(with_role("button").contains(&"Invalidate the route /products/{id}"));
    assert_eq!(with_role("heading")[0], "Cache");
}

#[test]
fn markup_in_a_path_is_shown_as_text() {
    let shop = Shop::open();
    let evil = "/products/%3Cimg%20src=x%20onerror=document.title='owned'%3E%3Cscript%3Edocument.title='owned'%3C/script%3E";
    shop.get(&evil.replace("%3C/", "%3C%2F"));
    let mut browser = opened("escaped", &shop);
    refresh(&mut browser);
    let rows = table(&mut browser, "entries");
    assert!(rows[0][0].contains("/products/"), "{rows:?}");
    assert_eq!(
        browser.eval("document.querySelectorAll('main img, main script').length"),
        0
    );
    assert_eq!(browser.eval("document.title"), "Cache");
}

#[test]
fn a_policy_forbids_what_the_page_does_not_need() {
    let shop = Shop::open();
    let page = shop.fetch(&authorized(Request::get("/cache/")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let mut browser = opened("policy", &shop);
    let inline = "(() => { const script = document.createElement('script'); \
                  try { script.text = 'document.title = \"owned\"'; document.body.append(script) } catch {} \
                  return document.title })()";
    assert_eq!(browser.eval(inline), "Cache");
    let foreign = "fetch('http://localhost:1/').then(() => 'sent', () => 'refused')";
    assert_eq!(browser.eval(foreign), "refused");
}

#[test]
fn without_the_guard_nothing_is_requested() {
    let shop = Shop::open();
    let mut browser = Browser::start("guard").unwrap();
    browser.open(&page(shop.address()));
    assert_eq!(
        browser.eval("document.body.textContent.trim() + document.scripts.length"),
        "0"
    );
    let asked = browser.events("Network.requestWillBeSent");
    let own = format!("http://{}", shop.address());
    let targets = asked
        .iter()
        .map(|event| event["request"]["url"].as_str().unwrap().to_owned());
    let targets: Vec<_> = targets.filter(|url| url.starts_with(&own)).collect();
    assert_eq!(targets, [page(shop.address())]);
}

/// A server whose guard admits every request of this machine.
fn unlocked(cache: &ResponseCache) -> Server {
    let cache = cache.clone();
    let server = Server::start(1, move |app| {
        let local = fn_guard(|context| context.head().peer_addr.is_some());
        app.service(admin::scope("/cache", cache.clone(), local));
    });
    server.unwrap()
}

#[test]
fn another_origin_can_neither_read_nor_post() {
    let cache = ResponseCache::builder().build();
    let server = unlocked(&cache);
    let other = Shop::open();
    let mut browser = Browser::start("origins").unwrap();
    // Not our own page, whose policy would refuse.
    browser.open(&format!("http://{}/products/1", other.address()));
    browser.events("Network.responseReceivedExtraInfo");
    let target = format!("http://{}/cache", server.address());
    for options in [
        "{}",
        "{ mode: 'no-cors' }",
        "{ method: 'POST', mode: 'no-cors', body: '{\"all\":true}' }",
        "{ method: 'POST', body: '{\"all\":true}', headers: { 'content-type': 'application/json' } }",
    ] {
        let path = if options.contains("POST") {
            "/invalidate"
        } else {
            "/entries"
        };
        let fetch =
            format!("fetch('{target}{path}', {options}).then(answer => answer.text(), () => '')");
        assert_eq!(browser.eval(&fetch), "", "{options}");
    }
    let answered = browser.events("Network.responseReceivedExtraInfo");
    let statuses: Vec<_> = answered.iter().map(|event| &event["statusCode"]).collect();
    let refused = statuses.iter().filter(|status| ***status == 403).count();
    // The other server has no icon.
    let others = statuses.iter().filter(|status| ***status == 404).count();
    assert_eq!(
        (refused, refused + others),
        (4, statuses.len()),
        "{statuses:?}"
    );
    assert_eq!(cache.stats().invalidations, 0);
    browser.open(&format!("{target}/"));
    browser.until("document.querySelector('#state').textContent === 'Live'");
}

/// Texts whose contrast with what is behind them is under 4.5 to 1 (WCAG 2.2, 1.4.3), fields whose edge has
/// less than 3 to 1 (1.4.11), and elements that begin or end outside of the window.
const UNREADABLE: &str = "(() => {
  const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = colour => {
    const [r, g, b] = parts(colour).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      const alpha = parts(colour)[3];
      if (alpha === undefined || alpha === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const shown = [...document.querySelectorAll('body *')].filter(element =>
    element.checkVisibility() && !element.closest('.hidden, .skip, svg, script'));
  const found = [];
  const contrast = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((one, other) => one - other);
    return (bright + 0.05) / (dark + 0.05);
  };
  for (const field of document.querySelectorAll('select, input:not([type=checkbox])')) {
    const edge = contrast(getComputedStyle(field).borderTopColor, behind(field.parentElement));
    if (edge < 3) found.push(`${field.tagName} has an edge of ${edge}`);
  }
  for (const element of shown) {
    const { left, right } = element.getBoundingClientRect();
    if (left < -0.5 || right > innerWidth + 0.5) found.push(`${element.tagName} outside: ${left} to ${right}`);
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    if (element.disabled) continue;
    const text = contrast(getComputedStyle(element).color, behind(element));
    if (text < 4.5) found.push(`${element.tagName} ${element.className}: ${text}, ${element.textContent}`);
  }
  return found;
})()";

#[test]
fn it_fits_a_phone_and_a_desk_and_can_be_read() {
    let shop = busy();
    for n in 0..12 {
        shop.get(&format!("/products/{}{n}", "long-".repeat(20)));
    }
    for _ in 0..200 {
        shop.fetch(&Request::get("/behind/page").header("cookie", "theme=dark"));
    }
    let mut browser = opened("sizes", &shop);
    refresh(&mut browser);
    for (width, height) in [(390, 844), (768, 1024), (1280, 800)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme);
            let most = browser.eval("document.documentElement.scrollWidth");
            assert!(most.as_u64().unwrap() <= width.into(), "{width}: {most}");
            let unreadable = browser.eval(UNREADABLE);
            assert_eq!(unreadable, json!([]), "{width}, {scheme}");
        }
    }
    let colours = "getComputedStyle(document.body).backgroundColor";
    browser.look(1280, 800, "light");
    let light = browser.eval(colours);
    browser.look(1280, 800, "dark");
    assert_ne!(browser.eval(colours), light);
}
