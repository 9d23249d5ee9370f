//! Opens pages in headless Chromium and asks them questions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recoup_report::data::Report;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::devtools::Browser;

/// Where Debian and others put it.
const CHROMIUM: [&str; 4] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
];

/// The browser while any test uses it: starting one takes most of a second.
static BROWSER: Mutex<Weak<Browser>> = Mutex::new(Weak::new());

/// A page in a tab of its own.
pub struct Page {
    browser: Arc<Browser>,
    tab: String,
    session: String,
    url: String,
    _directory: tempfile::TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub scheme: &'static str,
    pub media: &'static str,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 1280, height: 900, scheme: "light", media: "screen" }
    }
}

/// The example: results of three networks.
pub fn fashion() -> Report {
    let text = include_str!("../fixtures/fashion.json");
    serde_json::from_str(text).expect("tests/fixtures/fashion.json is a report")
}

fn chromium() -> PathBuf {
    let found = CHROMIUM.iter().map(Path::new).find(|path| path.exists());
    let missing = "Chromium is missing, which these tests look at pages with; on Debian: apt install chromium";
    found.unwrap_or_else(|| panic!("{missing}")).to_owned()
}

fn browser() -> Arc<Browser> {
    let mut shared = BROWSER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(browser) = shared.upgrade() {
        return browser;
    }
    let browser = Arc::new(Browser::start(&chromium()));
    *shared = Arc::downgrade(&browser);
    browser
}

impl Page {
    /// The page of a report on a desktop's screen.
    pub fn open(report: &Report) -> Self {
        Self::look(report, Look::default())
    }

    /// The page of a report, looked at in this way.
    pub fn look(report: &Report, look: Look) -> Self {
        Self::html(&recoup_report::render(report), look)
    }

    /// A page of this text.
    pub fn html(html: &str, look: Look) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("report.html");
        std::fs::write(&file, html).expect("the page");
        let url = format!("file://{}", file.display());
        let browser = browser();
        let ask = |method, params, key: &str| {
            let answer = browser.ask(None, method, params).expect("a tab");
            answer[key].as_str().expect(key).to_owned()
        };
        let tab = ask("Target.createTarget", json!({ "url": "about:blank" }), "targetId");
        let attach = json!({ "targetId": tab, "flatten": true });
        let session = ask("Target.attachToTarget", attach, "sessionId");
        let page = Self { browser, tab, session, url, _directory: directory };
        for domain in ["Log", "Runtime", "Network", "Page"] {
            page.ask(&format!("{domain}.enable"), json!({}));
        }
        page.emulate(look);
        page.navigate();
        let there = format!("location.href === {:?}", page.url);
        page.wait_for(&format!("{there} && document.readyState === 'complete'"));
        page
    }

    fn try_to_ask(&self, method: &str, params: Value) -> Result<Value, String> {
        self.browser.ask(Some(&self.session), method, params)
    }

    fn ask(&self, method: &str, params: Value) -> Value {
        self.try_to_ask(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Goes to a page. A tab that is still on its way to its first, empty page gives up the second.
    fn navigate(&self) {
        self.wait_for("document.readyState === 'complete'");
        let mut left = 20;
        loop {
            let answer = self.try_to_ask("Page.navigate", json!({ "url": self.url }));
            if answer.as_ref().is_ok_and(|answer| answer.get("errorText").is_none()) {
                return;
            }
            left -= 1;
            assert!(left > 0, "{}: {answer:?}", self.url);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn emulate(&self, Look { width, height, scheme, media }: Look) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        let media = json!({ "media": media, "features": [scheme] });
        self.ask("Emulation.setEmulatedMedia", media);
        // As if every tab were the one in front, so that focus works in all.
        self.ask("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
    }

    fn evaluate(&self, expression: &str, wait: bool) -> Result<Value, String> {
        let params =
            json!({ "expression": expression, "awaitPromise": wait, "returnByValue": true });
        let mut answer = self.try_to_ask("Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// The value of an expression in the page.
    pub fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        let result = self.evaluate(&format!("JSON.stringify({expression})"), false);
        let value = result.expect(expression);
        let text = value.as_str().unwrap_or_else(|| panic!("{expression} has no value: {value}"));
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{expression} = {text}: {error}"))
    }

    /// Waits until an expression is true; a busy machine may need long. Between two documents
    /// there is nothing that could be asked.
    fn wait_for(&self, expression: &str) {
        for _ in 0..1200 {
            if self.evaluate(expression, false).is_ok_and(|value| value == true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{expression} does not become true within a minute");
    }

    /// Waits for what the page has put off until later.
    pub fn settle(&self) {
        let later = "new Promise((done) => setTimeout(done))";
        self.evaluate(later, true).expect("a moment");
    }

    /// Runs statements in the page.
    pub fn run(&self, statements: &str) {
        let _: bool = self.value(&format!("(() => {{ {statements}; return true; }})()"));
    }

    /// How many elements there are.
    pub fn count(&self, selector: &str) -> usize {
        self.value(&format!("document.querySelectorAll({selector:?}).length"))
    }

    /// The text of the first such element.
    pub fn text(&self, selector: &str) -> String {
        self.value(&format!("document.querySelector({selector:?}).textContent"))
    }

    /// Presses a key that writes nothing.
    pub fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowRight" => 39,
            _ => panic!("{key}: its code is not here"),
        };
        for event in ["rawKeyDown", "keyUp"] {
            let params =
                json!({ "type": event, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", params);
        }
    }

    /// Moves the mouse over the first such element.
    pub fn hover(&self, selector: &str) {
        self.mouse(self.middle(selector), &["mouseMoved"]);
    }

    /// Clicks the first such element.
    pub fn click(&self, selector: &str) {
        self.mouse(self.middle(selector), &["mouseMoved", "mousePressed", "mouseReleased"]);
    }

    fn mouse(&self, [x, y]: [f64; 2], events: &[&str]) {
        for event in events {
            let button = if *event == "mouseMoved" { "none" } else { "left" };
            let params =
                json!({ "type": event, "x": x, "y": y, "button": button, "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", params);
        }
    }

    /// The middle of the first such element, once it is on the screen.
    fn middle(&self, selector: &str) -> [f64; 2] {
        let element = format!("document.querySelector({selector:?})");
        self.wait_for(&format!("{element} !== null"));
        self.run(&format!("{element}.scrollIntoView({{ block: 'center', behavior: 'instant' }})"));
        let middle = format!(
            "(() => {{ const box = {element}.getBoundingClientRect();
             return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        );
        self.wait_for(&format!("{middle}.every((place) => place > 0)"));
        self.value(&middle)
    }

    /// Sets a field of the filters as a reader would, and waits for the page to follow.
    pub fn filter(&self, name: &str, value: &str) {
        self.run(&format!(
            "const field = document.forms[0].elements[{name:?}]; field.value = {value:?};
             field.dispatchEvent(new Event('input', {{ bubbles: true }}))"
        ));
    }

    /// Errors, warnings, messages on the console and network requests so far.
    pub fn problems(&self) -> Vec<String> {
        // Events arrive in order: what came before this answer has been heard.
        let _: bool = self.value("true");
        self.browser.events(&self.session).iter().filter_map(|event| self.problem(event)).collect()
    }

    /// What a page should not do. The page itself and data inside it are no requests.
    fn problem(&self, event: &Value) -> Option<String> {
        let params = &event["params"];
        match event["method"].as_str()? {
            "Log.entryAdded" => Some(format!("log: {}", params["entry"]["text"])),
            "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
            "Runtime.consoleAPICalled" => Some(format!("console: {}", params["args"])),
            "Network.requestWillBeSent" => {
                let requested = params["request"]["url"].as_str()?;
                let inside = requested == self.url || requested.starts_with("data:");
                (!inside).then(|| format!("request: {requested}"))
            }
            _ => None,
        }
    }

    /// The page as it would be printed.
    pub fn pdf(&self) -> Vec<u8> {
        let answer = self.ask("Page.printToPDF", json!({}));
        STANDARD.decode(answer["data"].as_str().expect("a PDF")).expect("base64")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.ask(None, "Target.closeTarget", json!({ "targetId": self.tab }));
    }
}
