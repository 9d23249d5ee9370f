//! Opens pages in headless Chromium and asks them questions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use headless_chrome::browser::tab::Tab;
use headless_chrome::browser::tab::point::Point;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Network};
use headless_chrome::{Browser, LaunchOptions};
use recoup_report::data::Report;
use serde::de::DeserializeOwned;

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
    tab: Arc<Tab>,
    problems: Arc<Mutex<Vec<String>>>,
    _browser: Arc<Browser>,
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
    let options = LaunchOptions::default_builder()
        .path(Some(chromium()))
        // Containers lack what the sandbox is built on; the pages are our own.
        .sandbox(false)
        .args(vec![OsStr::new("--disable-dev-shm-usage")])
        .idle_browser_timeout(Duration::from_secs(300))
        .build()
        .expect("options");
    let browser = Arc::new(Browser::new(options).expect("Chromium starts"));
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
        let browser = browser();
        let tab = browser.new_tab().expect("a tab");
        tab.set_default_timeout(Duration::from_secs(60));
        let problems = Arc::new(Mutex::new(Vec::new()));
        let (url, heard) = (format!("file://{}", file.display()), problems.clone());
        listen(&tab, &url, heard);
        let page = Self { tab, problems, _browser: browser, _directory: directory };
        page.emulate(look);
        page.navigate(&url);
        page.wait_for(&format!("location.href === {url:?} && document.readyState === 'complete'"));
        page
    }

    /// Goes to a page. A tab that is still on its way to its first, empty page gives up the second.
    fn navigate(&self, url: &str) {
        self.wait_for("document.readyState === 'complete'");
        let mut left = 20;
        while let Err(error) = self.tab.navigate_to(url) {
            left -= 1;
            assert!(left > 0, "{url}: {error}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn emulate(&self, look: Look) {
        let size = Emulation::SetDeviceMetricsOverride {
            width: look.width,
            height: look.height,
            device_scale_factor: 1.0,
            mobile: false,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        };
        self.tab.call_method(size).expect("a size");
        let scheme = Emulation::MediaFeature {
            name: "prefers-color-scheme".to_owned(),
            value: look.scheme.to_owned(),
        };
        let media = Some(look.media.to_owned());
        let media = Emulation::SetEmulatedMedia { media, features: Some(vec![scheme]) };
        self.tab.call_method(media).expect("a colour scheme");
        // As if every tab were the one in front, so that focus works in all.
        let focus = Emulation::SetFocusEmulationEnabled { enabled: true };
        self.tab.call_method(focus).expect("focus");
    }

    /// The value of an expression in the page.
    pub fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        let result = self.tab.evaluate(&format!("JSON.stringify({expression})"), false);
        let value = result.expect(expression).value.unwrap_or_default();
        let text = value.as_str().unwrap_or_else(|| panic!("{expression} has no value: {value}"));
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{expression} = {text}: {error}"))
    }

    /// Waits until an expression is true; a busy machine may need long. Between two documents
    /// there is nothing that could be asked.
    fn wait_for(&self, expression: &str) {
        for _ in 0..1200 {
            let answer = self.tab.evaluate(expression, false);
            if answer.is_ok_and(|answer| answer.value == Some(true.into())) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{expression} does not become true within a minute");
    }

    /// Waits for what the page has put off until later.
    pub fn settle(&self) {
        let later = "new Promise((done) => setTimeout(done))";
        self.tab.evaluate(later, true).expect("a moment");
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

    /// Presses a key.
    pub fn press(&self, key: &str) {
        self.tab.press_key(key).expect(key);
    }

    /// Moves the mouse over the first such element.
    pub fn hover(&self, selector: &str) {
        self.tab.move_mouse_to_point(self.middle(selector)).expect(selector);
    }

    /// Clicks the first such element.
    pub fn click(&self, selector: &str) {
        self.tab.click_point(self.middle(selector)).expect(selector);
    }

    /// The middle of the first such element, once it is on the screen. The crate's own way gives up
    /// after seconds, which a busy machine may need before it has laid out the page.
    fn middle(&self, selector: &str) -> Point {
        let element = format!("document.querySelector({selector:?})");
        self.wait_for(&format!("{element} !== null"));
        self.run(&format!("{element}.scrollIntoView({{ block: 'center', behavior: 'instant' }})"));
        let middle = format!(
            "(() => {{ const box = {element}.getBoundingClientRect();
             return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        );
        self.wait_for(&format!("{middle}.every((place) => place > 0)"));
        let [x, y]: [f64; 2] = self.value(&middle);
        Point { x, y }
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
        self.problems.lock().expect("no panic while listening").clone()
    }

    /// The page as it would be printed.
    pub fn pdf(&self) -> Vec<u8> {
        self.tab.print_to_pdf(None).expect("a PDF")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.tab.close(false);
    }
}

/// Notes all that a page should not do. The page itself and data inside it are no requests.
fn listen(tab: &Tab, url: &str, problems: Arc<Mutex<Vec<String>>>) {
    let url = url.to_owned();
    let listener = move |event: &Event| {
        let problem = match event {
            Event::LogEntryAdded(event) => format!("log: {}", event.params.entry.text),
            Event::RuntimeExceptionThrown(event) => {
                format!("exception: {:?}", event.params.exception_details)
            }
            Event::RuntimeConsoleAPICalled(event) => format!("console: {:?}", event.params.args),
            Event::NetworkRequestWillBeSent(event) => {
                let requested = &event.params.request.url;
                if *requested == url || requested.starts_with("data:") {
                    return;
                }
                format!("request: {requested}")
            }
            _ => return,
        };
        problems.lock().expect("no panic while listening").push(problem);
    };
    tab.enable_log().expect("the log");
    tab.enable_runtime().expect("the console");
    let network = Network::Enable {
        max_total_buffer_size: None,
        max_resource_buffer_size: None,
        max_post_data_size: None,
        report_direct_socket_traffic: None,
        enable_durable_messages: None,
    };
    tab.call_method(network).expect("the network");
    tab.add_event_listener(Arc::new(listener)).expect("a listener");
}
