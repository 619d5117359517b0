//! A headless Chromium, driven over the `DevTools` protocol through a pipe.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

/// The longest wait for an answer of the browser, or for a condition on a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    session: Option<String>,
    next: u64,
    profile: PathBuf,
}

impl Browser {
    /// Starts it with an empty page.
    ///
    /// # Panics
    /// If there is no Chromium.
    pub fn start(name: &str) -> io::Result<Self> {
        let found = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(is_installed);
        let program = found.expect(
            "a Chromium is needed to test the page: install Debian's, `apt-get install chromium`",
        );
        let folder = format!("browser-{name}-{}", process::id());
        let profile = env::temp_dir().join(folder);
        fs::create_dir_all(&profile)?;
        let mut child = command(program, &profile).spawn()?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let (commands, output) = ends.expect("both are piped");
        let messages = messages(output);
        let mut browser = Self {
            child,
            commands,
            messages,
            events: VecDeque::new(),
            session: None,
            next: 0,
            profile,
        };
        browser.attach();
        Ok(browser)
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &attach);
        self.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Sends a command of the protocol and returns its result.
    ///
    /// # Panics
    /// If it fails.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands
            .write_all(format!("{command}\0").as_bytes())
            .expect("the browser runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.message(deadline).expect("the browser answers");
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn message(&self, deadline: Instant) -> Result<Value, RecvTimeoutError> {
        self.messages
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
    }

    /// The parameters of the events of this name so far; each is returned once.
    pub fn events(&mut self, name: &str) -> Vec<Value> {
        while let Ok(message) = self.messages.try_recv() {
            self.events.push_back(message);
        }
        let (found, rest) = self
            .events
            .drain(..)
            .partition(|event| event["method"] == name);
        self.events = rest;
        let found: VecDeque<Value> = found;
        found
            .into_iter()
            .map(|event| event["params"].clone())
            .collect()
    }

    /// Sends these fields with each request.
    pub fn headers(&mut self, headers: &Value) {
        self.call(
            "Network.setExtraHTTPHeaders",
            &json!({ "headers": headers }),
        );
    }

    /// Opens an address.
    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
        self.until("document.readyState === 'complete'");
    }

    /// Sets the size of the window in pixels, and the colour scheme.
    pub fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
    }

    /// Evaluates an expression on the page; a promise is awaited.
    pub fn eval(&mut self, expression: &str) -> Value {
        let result = self.try_eval(expression);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    fn try_eval(&mut self, expression: &str) -> Value {
        let evaluate =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.call("Runtime.evaluate", &evaluate)
    }

    /// Waits until an expression on the page is true.
    ///
    /// # Panics
    /// If it does not become true.
    pub fn until(&mut self, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.try_eval(condition)["result"]["value"] != true {
            assert!(Instant::now() < deadline, "never true: {condition}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key, as `Tab` or `Enter`.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "char", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            if kind == "char" && text.is_empty() {
                continue;
            }
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Writes a text into the field that has the focus.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// A picture of the window, as PNG.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let picture = json!({ "format": "png" });
        let picture = self.call("Page.captureScreenshot", &picture);
        let picture = picture["data"].as_str().expect("a picture");
        BASE64_STANDARD.decode(picture).expect("base64")
    }
}

/// The command that starts it. It reads from descriptor 3 and writes to 4, which the shell makes of pipes.
fn command(program: &str, profile: &Path) -> Command {
    let line = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
    let mut command = Command::new("sh");
    command
        .args(["-c", line, program])
        .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox"])
        .args(["--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--hide-scrollbars"])
        .arg("--force-color-profile=srgb")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Reads messages, each ended by a zero byte.
fn messages(output: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        let parts = BufReader::new(output).split(0);
        let texts = parts.map_while(Result::ok);
        for message in texts.filter_map(|text| serde_json::from_slice(&text).ok()) {
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

fn is_installed(program: &&str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends with its pipe; the rest is for one that does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
