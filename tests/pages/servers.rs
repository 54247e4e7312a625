//! Servers that make an import difficult.

/// What a server does, the script of faults that has it do so, and flags.
pub(super) const SERVERS: [(&str, &str, &[&str]); 21] = [
    ("the token is refused", "kind = 'error-before'\nstatus = 401", &[]),
    ("the token dies", "kind = 'token-dies'\nmethod = 'POST'\nfrom = 2", &[]),
    ("the list is forbidden", "kind = 'error-before'\nstatus = 403\nmethod = 'GET'", &[]),
    ("the list is not there", "kind = 'error-before'\nstatus = 404\nmethod = 'GET'", &[]),
    ("the list fails", "kind = 'error-before'\nmethod = 'GET'", &["--max-attempts", "2", "--max-wait", "0s"]),
    ("the list is a page for browsers", "kind = 'html-before'\nstatus = 200\nmethod = 'GET'", &["--max-attempts", "1"]),
    ("the list leads elsewhere", "kind = 'error-before'\nstatus = 302\nmethod = 'GET'", &[]),
    ("a create is forbidden", "kind = 'error-before'\nstatus = 403\nmethod = 'POST'\nat = [2]", &[]),
    ("a firewall forbids a create", "kind = 'html-before'\nstatus = 403\nmethod = 'POST'\nat = [2]", &[]),
    ("a create is not found", "kind = 'error-before'\nstatus = 404\nmethod = 'POST'\nat = [2]", &[]),
    ("a create is refused", "kind = 'error-before'\nstatus = 422\nmethod = 'POST'\nat = [2]", &[]),
    ("a create is too large", "kind = 'html-before'\nstatus = 413\nmethod = 'POST'\nat = [2]", &[]),
    ("a longer pause than allowed", "kind = 'too-many'\nretry_after = '9000'\nmethod = 'POST'\nat = [2]", &[]),
    ("a short pause", "kind = 'too-many'\nretry_after = '0'\nmethod = 'POST'\nat = [2]", &["-v"]),
    ("the cap on guests", "kind = 'guest-cap'\nper_hour = 0", &["--max-wait", "0s"]),
    ("every create fails", "kind = 'error-before'\nmethod = 'POST'", &["--max-attempts", "1", "--settle", "0s"]),
    (
        "one create fails for good",
        "kind = 'error-before'\nmethod = 'POST'\nat = [2]",
        &["--max-attempts", "1", "--settle", "0s"],
    ),
    ("an answer is lost", "kind = 'drop-after'\nmethod = 'POST'\nat = [2]", &["-v", "--settle", "0s"]),
    ("an answer is cut off", "kind = 'cut'\nmethod = 'POST'\nat = [2]", &["-v", "--settle", "0s"]),
    (
        "no answer in time",
        "kind = 'hang-before'\nmethod = 'POST'\nat = [2]",
        &["-v", "--settle", "0s", "--timeout", "2s", "--max-attempts", "1"],
    ),
    ("no connection", "kind = 'refuse'", &["--max-attempts", "1"]),
];
