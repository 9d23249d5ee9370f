//! Chromium's DevTools protocol through its pipes: JSON, and a zero byte after each message. What
//! the tests ask for is less than a page; crates for it compile for minutes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium reads from file 3 and writes to file 4.
const WITH_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--remote-debugging-pipe",
    // Containers lack what the sandbox is built on; the pages are our own.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-extensions",
    "--no-first-run",
    // Tabs in the background are not slower.
    "--disable-renderer-backgrounding",
];

/// A running browser.
pub struct Browser {
    process: Mutex<Child>,
    requests: Mutex<ChildStdin>,
    heard: Arc<Heard>,
    _profile: tempfile::TempDir,
}

/// What has come from the browser.
#[derive(Default)]
struct Heard {
    so_far: Mutex<SoFar>,
    more: Condvar,
}

#[derive(Default)]
struct SoFar {
    asked: u64,
    answers: HashMap<u64, Value>,
    /// Those of each session, in order.
    events: HashMap<String, Vec<Value>>,
    ended: bool,
}

impl Browser {
    /// Starts the program.
    pub fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let mut process = Command::new("/bin/sh")
            .args(["-c", WITH_PIPES])
            .arg(program)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let requests = Mutex::new(process.stdin.take().expect("piped"));
        let answers = process.stdout.take().expect("piped");
        let heard = Arc::new(Heard::default());
        let listener = heard.clone();
        std::thread::spawn(move || listener.listen(answers));
        Self { process: Mutex::new(process), requests, heard, _profile: profile }
    }

    /// Asks the browser, or one of its sessions, and waits for the answer.
    pub fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        let id = {
            let mut so_far = self.heard.so_far();
            so_far.asked += 1;
            so_far.asked
        };
        let mut request = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        let message = format!("{request}\0");
        let mut requests = self.requests.lock().expect("no panic while writing");
        requests.write_all(message.as_bytes()).map_err(|error| format!("{method}: {error}"))?;
        drop(requests);
        let waiting = |so_far: &mut SoFar| !so_far.ended && !so_far.answers.contains_key(&id);
        let so_far = self.heard.so_far();
        let waited = self.heard.more.wait_timeout_while(so_far, PATIENCE, waiting);
        let (mut so_far, _) = waited.expect("no panic while listening");
        let Some(mut answer) = so_far.answers.remove(&id) else {
            let why = if so_far.ended { "Chromium has ended" } else { "no answer within a minute" };
            return Err(format!("{method}: {why}"));
        };
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// What has happened in a session so far.
    pub fn events(&self, session: &str) -> Vec<Value> {
        self.heard.so_far().events.get(session).cloned().unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(process) = self.process.get_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Heard {
    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().expect("no panic while listening")
    }

    fn listen(&self, answers: ChildStdout) {
        for message in BufReader::new(answers).split(0) {
            let Ok(message) = message else { break };
            let message: Value = serde_json::from_slice(&message).expect("Chromium writes JSON");
            let mut so_far = self.so_far();
            if let Some(id) = message["id"].as_u64() {
                so_far.answers.insert(id, message);
            } else if let Some(session) = message["sessionId"].as_str() {
                so_far.events.entry(session.to_owned()).or_default().push(message);
            }
            self.more.notify_all();
        }
        self.so_far().ended = true;
        self.more.notify_all();
    }
}
