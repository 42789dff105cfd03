//! What the server writes to standard error.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How long a line may take from the process to here.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// The lines that were written so far; a thread collects them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Collects what comes, until there is no more.
    pub(crate) fn collect(source: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                writer.change(|lines| lines.lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
            writer.change(|lines| lines.ended = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        let (lines, changed) = &*self.0;
        change(&mut lines.lock().unwrap());
        changed.notify_all();
    }

    /// Waits for a line of which `wanted` makes something. `None` when the log ends, or time does.
    pub(crate) fn wait_for<T>(&self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (lines, changed) = &*self.0;
        let find = |lines: &Lines| lines.lines.iter().find_map(|line| wanted(line));
        let guard = lines.lock().unwrap();
        let missing = |lines: &mut Lines| !lines.ended && find(lines).is_none();
        let (guard, _) = changed.wait_timeout_while(guard, patience, missing).unwrap();
        find(&guard)
    }

    /// Waits until nothing more can come: the process has closed it. Whether that was in time.
    pub(crate) fn wait_for_end(&self, patience: Duration) -> bool {
        let (lines, changed) = &*self.0;
        let guard = lines.lock().unwrap();
        let (guard, _) = changed.wait_timeout_while(guard, patience, |lines| !lines.ended).unwrap();
        guard.ended
    }

    /// Everything so far. What a running process has just written is still on its way, so it is waited for a little.
    pub(crate) fn text(&self) -> String {
        self.wait_for_end(ON_ITS_WAY);
        self.0.0.lock().unwrap().lines.join("\n")
    }

    /// The events so far; a line that is no event is an error, since every event is one JSON object.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.text().lines().map(parse).collect()
    }
}
